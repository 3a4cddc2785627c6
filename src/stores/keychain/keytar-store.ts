import type { Clock } from '../../shared/clock.ts';
import { Secret } from '../../shared/secret.ts';
import { CallQueue } from '../call-queue.ts';
import { type CredentialStore, type Interaction, probeStoreState } from '../credential-store.ts';
import type { HelperRequest, Purpose, UnlockItems } from './helper-messages.ts';
import { HelperProcess, type HelperProcessOptions } from './helper-process.ts';
import {
  helperTimedOut,
  keychainBusy,
  lockedDuringCall,
  passphraseNotSupported,
  writeNeedsConfirmation,
} from './keychain-problems.ts';
import { IamTokenError } from '../../shared/errors.ts';

export interface KeytarStoreOptions extends HelperProcessOptions {
  readonly clock: Pick<Clock, 'timeoutSignal'>;
  readonly platform: NodeJS.Platform;
}

/** For a call without a prompt. */
const callTimeoutMs = 5_000;
/** More than one call may take, so that the calls after a stuck one get their turn. */
const stallTimeoutMs = 7_500;
/** For prompts and the call; with the queue, less than the 120 s of an `interactive` call. */
const interactiveTimeoutMs = 110_000;

type ItemRequest = HelperRequest & { readonly op: Purpose; readonly key: string };

/** Calls of the helper, with their queue, deadlines and prompts. */
class KeychainCalls {
  readonly helper: HelperProcess;
  readonly #clock: Pick<Clock, 'timeoutSignal'>;
  /** On macOS and Windows, keytar's calls open prompts themselves; with a Secret Service, `unlock` opens them. */
  readonly #hasNativePrompts: boolean;
  readonly #queue: CallQueue;
  readonly #pendingUnlocks = new Map<string, Promise<unknown>>();
  /** Asked for by `unlock`, and not read since. */
  readonly #requestedKeys = new Set<string>();

  constructor(options: KeytarStoreOptions) {
    this.helper = new HelperProcess(options);
    this.#clock = options.clock;
    this.#queue = new CallQueue({
      clock: options.clock,
      createBusyError: (cause) => new IamTokenError(keychainBusy, { cause }),
      createTimeoutError: (cause) => new IamTokenError(helperTimedOut, { cause }),
    });
    this.#hasNativePrompts = options.platform === 'darwin' || options.platform === 'win32';
  }

  async call(request: ItemRequest, interaction: Interaction): Promise<string | null> {
    const isInteractive = interaction === 'interactive';
    const deadline = this.#clock.timeoutSignal(isInteractive ? interactiveTimeoutMs : callTimeoutMs);
    const isRequested = request.op === 'read' && this.#requestedKeys.delete(request.key);
    if (isInteractive && !this.#hasNativePrompts && !isRequested)
      await this.#requestUnlock(
        { keys: [request.key], accessKeys: [request.key], purpose: request.op },
        deadline,
      );
    const mayPrompt = isInteractive && (this.#hasNativePrompts || request.op !== 'read');
    const startDeadline = (): AbortSignal => {
      if (!mayPrompt) return this.#clock.timeoutSignal(callTimeoutMs);
      return this.#hasNativePrompts ? this.#clock.timeoutSignal(interactiveTimeoutMs) : deadline;
    };
    return this.#queue.run({ stallTimeoutMs, startDeadline }, (callDeadline) =>
      this.helper.call(request, callDeadline),
    );
  }

  async unlock(keys: readonly string[], accessKeys: readonly string[]): Promise<void> {
    if (this.#hasNativePrompts) return;
    const deadline = this.#clock.timeoutSignal(interactiveTimeoutMs);
    await this.#requestUnlock({ keys, accessKeys, purpose: 'read' }, deadline);
    for (const key of accessKeys) this.#requestedKeys.add(key);
  }

  /** @returns the name of a service that may ask the user before each change; `null` if it does not */
  check(keys: readonly string[]): Promise<string | null> {
    return this.helper.call({ op: 'state', keys }, this.#clock.timeoutSignal(callTimeoutMs));
  }

  /** The memory of the helper may hold credentials. */
  lock(): void {
    this.#requestedKeys.clear();
    this.helper.kill(lockedDuringCall);
  }

  /** Concurrent calls for the same items share one prompt. */
  async #requestUnlock(items: UnlockItems, deadline: AbortSignal): Promise<void> {
    const name = JSON.stringify(items);
    const pendingUnlock =
      this.#pendingUnlocks.get(name) ??
      this.helper.call({ op: 'unlock', ...items }, deadline).finally(() => this.#pendingUnlocks.delete(name));
    this.#pendingUnlocks.set(name, pendingUnlock);
    await pendingUnlock;
  }
}

/** The keychain of the operating system, through keytar in a helper process. */
export function createKeytarStore(options: KeytarStoreOptions): CredentialStore {
  const calls = new KeychainCalls(options);
  return {
    kind: 'keychain',

    state: (keys = []) =>
      probeStoreState(async () => {
        const service = await calls.check(keys);
        return service === null
          ? { kind: 'open' }
          : { kind: 'open', confirmation: writeNeedsConfirmation(service) };
      }),

    async read(key, interaction) {
      const value = await calls.call({ op: 'read', key }, interaction);
      return value === null ? null : new Secret(value);
    },

    async write(key, value, interaction) {
      const isInteractive = interaction === 'interactive';
      await calls.call({ op: 'write', key, value: value.expose(), isInteractive }, interaction);
    },

    async remove(key, interaction) {
      await calls.call({ op: 'remove', key, isInteractive: interaction === 'interactive' }, interaction);
    },

    async unlock(passphrase, keys = [], accessKeys = []) {
      if (passphrase !== null) throw new IamTokenError(passphraseNotSupported('keychain'));
      await calls.unlock(keys, accessKeys);
    },

    lock: () => calls.lock(),

    close: () => calls.helper.close(),
  };
}
