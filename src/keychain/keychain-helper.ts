/**
 * The helper's side of the keychain: answers the daemon's requests with keytar and the Secret Service.
 * It keeps no state worth saving, so that killing it is always right.
 */
import type { Clock } from '../shared/clock.ts';
import { ProblemError, problemOf } from '../shared/errors.ts';
import { messageOf } from '../shared/thrown.ts';
import { requestIn, type HelperAnswer, type HelperRequest } from './helper-messages.ts';
import { type KeychainItems, serviceName } from './keychain-items.ts';
import { keychainFailed, keyringLocked, problemError } from './keychain-problems.ts';
import { KeytarFailure } from './keytar-library.ts';
import type { SecretService } from './secret-service.ts';

/** What of `process` the helper needs. */
export interface ParentChannel {
  on(event: 'message', listener: (message: unknown) => void): unknown;
  on(event: 'disconnect', listener: () => void): unknown;
  send(message: HelperAnswer): unknown;
}

export interface KeychainHelperParts {
  readonly parent: ParentChannel;
  readonly loadItems: () => Promise<KeychainItems>;
  /** `null` where keytar does not go through a Secret Service: macOS, Windows. */
  readonly secretService: SecretService | null;
  readonly clock: Pick<Clock, 'deadline'>;
  /** Ends this process for certain: `process.exit` would wait for keytar's threads. */
  readonly die: () => void;
}

/** Of the 120 s that somebody who asked has; the rest is for the call that follows. */
const promptWithinMs = 105_000;

/** Serves until the parent goes away. */
export function serveKeychain(parts: KeychainHelperParts): void {
  parts.parent.on('disconnect', () => parts.die());
  parts.parent.on('message', (message) => {
    const request = requestIn(message);
    if (request === null)
      parts.die(); // not our daemon
    else void answer(request.id, request);
  });

  async function answer(id: number, request: HelperRequest): Promise<void> {
    try {
      parts.parent.send({ id, ok: true, value: await perform(request, parts) });
    } catch (error) {
      parts.parent.send({ id, ok: false, problem: problemOf(error), spent: error instanceof KeytarFailure });
    }
  }
}

async function perform(request: HelperRequest, parts: KeychainHelperParts): Promise<string | null> {
  const { secretService } = parts;
  if (request.op === 'unlock') {
    await secretService?.unlock(parts.clock.deadline(promptWithinMs));
    return null;
  }
  if (request.op === 'state') {
    await secretService?.check();
    await parts.loadItems();
    return null;
  }
  // Nothing below may open a prompt: keytar is called only for what was just seen to be open.
  const attributes = { service: serviceName, account: request.key };
  const found = await secretService?.has(attributes);
  if (found === false && request.op !== 'write') return null;

  const items = await parts.loadItems();
  try {
    if (request.op === 'read') {
      const value = await items.read(request.key);
      // keytar says `null` as well when the keyring was locked a moment ago
      if (value === null && (await secretService?.has(attributes)) === true)
        throw problemError(keyringLocked);
      return value;
    }
    await (request.op === 'write' ? items.write(request.key, request.value) : items.remove(request.key));
    return null;
  } catch (error) {
    if (error instanceof ProblemError) throw error;
    await secretService?.check();
    const problem = keychainFailed(saidBy(error, request));
    // libsecret keeps its connection and the service's address on it, and never notices that either is gone
    throw secretService === null
      ? problemError(problem, error)
      : new KeytarFailure(problem, { cause: error });
  }
}

/** No library's message was ever seen to repeat the value; should one, it goes no further. */
function saidBy(error: unknown, request: HelperRequest): string {
  const message = messageOf(error);
  return request.op === 'write' ? message.replaceAll(request.value, '[redacted]') : message;
}
