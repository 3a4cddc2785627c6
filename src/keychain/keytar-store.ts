import type { Clock } from '../shared/clock.ts';
import { Secret } from '../shared/secret.ts';
import { type CredentialStore, type Manner, stateOf } from './credential-store.ts';
import type { HelperRequest } from './helper-messages.ts';
import { HelperProcess, type HelperProcessOptions } from './helper-process.ts';
import { keychainBusy, lockedMeanwhile, problemError, takesNoPassphrase } from './keychain-problems.ts';
import { OneAtATime } from './one-at-a-time.ts';

export interface KeytarStoreOptions extends HelperProcessOptions {
  readonly clock: Pick<Clock, 'deadline'>;
  readonly platform: NodeJS.Platform;
}

/** Until the call before is done. */
const turnWithinMs = 5_000;
/** For a call that meets no prompt; with the wait for its turn it makes the 10 s of `unasked`. */
const callWithinMs = 5_000;
/** For a prompt; with the two above it makes the 120 s of `asked`. */
const personWithinMs = 110_000;

/** The keychain of the operating system, through keytar in a helper process. */
export function createKeytarStore(options: KeytarStoreOptions): CredentialStore {
  const helper = new HelperProcess(options);
  const turns = new OneAtATime();
  // Where there is a Secret Service, prompts are ours to open; elsewhere keytar's call opens them itself.
  const opensPrompts = options.platform === 'darwin' || options.platform === 'win32';
  let unlocking: Promise<unknown> | null = null;

  /** One prompt for all who ask meanwhile. */
  async function unlock(): Promise<void> {
    const deadline = options.clock.deadline(personWithinMs);
    unlocking ??= helper.call({ op: 'unlock' }, deadline).finally(() => (unlocking = null));
    await unlocking;
  }

  async function call(request: HelperRequest, manner: Manner): Promise<string | null> {
    const asked = manner === 'asked';
    if (asked && !opensPrompts) await unlock();
    const withinMs = asked && opensPrompts ? personWithinMs : callWithinMs;
    const turn = options.clock.deadline(turnWithinMs);
    try {
      return await turns.run(() => helper.call(request, options.clock.deadline(withinMs)), turn);
    } catch (error) {
      throw error === turn.reason ? problemError(keychainBusy, error) : error;
    }
  }

  return {
    kind: 'keychain',

    state: () =>
      stateOf(async () => {
        await helper.call({ op: 'state' }, options.clock.deadline(callWithinMs));
        return { kind: 'open' };
      }),

    async read(key, manner) {
      const value = await call({ op: 'read', key }, manner);
      return value === null ? null : new Secret(value);
    },

    async write(key, value, manner) {
      await call({ op: 'write', key, value: value.expose() }, manner);
    },

    async remove(key, manner) {
      await call({ op: 'remove', key }, manner);
    },

    async unlock(passphrase) {
      if (passphrase !== null) throw problemError(takesNoPassphrase('keychain'));
      if (!opensPrompts) await unlock();
    },

    // The helper has read credentials: its memory goes with it.
    lock: () => helper.end(lockedMeanwhile),

    close: () => helper.close(),
  };
}
