/**
 * The helper's side: handles the daemon's requests with keytar and the Secret Service. It has no state, so it can be
 * killed at any time.
 */
import type { Clock } from '../../shared/clock.ts';
import { IamTokenError, problemOf } from '../../shared/errors.ts';
import { errorMessage } from '../../shared/error-utils.ts';
import { parseHelperRequest, type HelperResponse, type HelperRequest } from './helper-messages.ts';
import type { KeychainItems } from './keychain-items.ts';
import { keychainFailed, keyringLocked } from './keychain-problems.ts';
import { KeytarError } from './keytar-library.ts';
import type { SecretService } from '../secret-service/secret-service.ts';

/** The part of `process` that the helper uses. */
export interface ParentChannel {
  on(event: 'message', listener: (message: unknown) => void): unknown;
  on(event: 'disconnect', listener: () => void): unknown;
  send(message: HelperResponse): unknown;
}

export interface KeychainHelperParts {
  readonly parent: ParentChannel;
  readonly loadItems: () => Promise<KeychainItems>;
  /** `null` on macOS and Windows, whose keychains are not a Secret Service. */
  readonly secretService: SecretService | null;
  readonly clock: Pick<Clock, 'timeoutSignal'>;
  /** Ends this process at once; `process.exit` would wait for keytar's threads. */
  readonly killSelf: () => void;
}

/** Less than the 110 s that the daemon waits for an interactive call. */
const promptTimeoutMs = 105_000;

/** Serves until the parent disconnects. */
export function serveKeychain(parts: KeychainHelperParts): void {
  parts.parent.on('disconnect', () => parts.killSelf());
  parts.parent.on('message', (message) => {
    const request = parseHelperRequest(message);
    if (request === null)
      parts.killSelf(); // not from our daemon
    else void respond(request.id, request);
  });

  async function respond(id: number, request: HelperRequest): Promise<void> {
    try {
      parts.parent.send({ id, ok: true, value: await dispatch(request, parts) });
    } catch (error) {
      parts.parent.send({
        id,
        ok: false,
        problem: problemOf(error),
        restartHelper: error instanceof KeytarError,
      });
    }
  }
}

async function dispatch(request: HelperRequest, parts: KeychainHelperParts): Promise<string | null> {
  const { secretService, clock } = parts;
  if (secretService === null) return callKeytar(request, parts);
  const promptSignal = clock.timeoutSignal(promptTimeoutMs);
  switch (request.op) {
    case 'state': {
      const confirmingService = await secretService.check(request.keys);
      await parts.loadItems();
      return confirmingService;
    }
    case 'unlock':
      await secretService.unlock(request, promptSignal);
      return null;
    case 'read':
      return readItem(request, secretService, parts);
    case 'write':
      await parts.loadItems(); // nothing is written that could not be read
      await secretService.write(request.key, request.value, request.isInteractive ? promptSignal : null);
      return null;
    case 'remove':
      await secretService.remove(request.key, request.isInteractive ? promptSignal : null);
      return null;
    default:
      return request satisfies never;
  }
}

async function readItem(
  request: HelperRequest & { readonly op: 'read' },
  secretService: SecretService,
  parts: KeychainHelperParts,
): Promise<string | null> {
  const result = await secretService.read(request.key);
  if (result.kind === 'absent') return null;
  if (result.kind === 'value') return result.value;
  const value = await callKeytar(request, parts);
  // keytar returns `null` also when the keyring was locked in between.
  if (value === null && (await secretService.read(request.key)).kind !== 'absent')
    throw new IamTokenError(keyringLocked);
  return value;
}

async function callKeytar(request: HelperRequest, parts: KeychainHelperParts): Promise<string | null> {
  const items = await parts.loadItems();
  try {
    if (request.op === 'read') return await items.read(request.key);
    if (request.op === 'write') await items.write(request.key, request.value);
    if (request.op === 'remove') await items.remove(request.key);
    return null;
  } catch (error) {
    if (error instanceof IamTokenError) throw error;
    const problem = keychainFailed(redactedMessageOf(error, request));
    if (parts.secretService === null) throw new IamTokenError(problem, { cause: error });
    // libsecret caches its connection and the service's address, and does not notice when they become invalid.
    throw new KeytarError(problem, { cause: error });
  }
}

/** A safeguard: no library is known to put the value into its message. */
function redactedMessageOf(error: unknown, request: HelperRequest): string {
  const message = errorMessage(error);
  return request.op === 'write' ? message.replaceAll(request.value, '[redacted]') : message;
}
