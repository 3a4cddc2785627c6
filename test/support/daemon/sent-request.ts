import type { Profile } from '../../../src/daemon/profiles/profile.ts';
import { IamTokenError } from '../../../src/shared/errors.ts';
import type { IamToken } from '../../../src/token/token.ts';

export interface SentRequest {
  /** The token, or the code of the problem; `undefined` while the request waits. */
  readonly end: () => string | undefined;
  readonly cancel: () => void;
}

/** Requests a token as the daemon does: the one in hand, else by waiting. */
export function sendTokenRequest(profile: Profile, minTtlMs: number): SentRequest {
  const validToken = profile.getValidToken(minTtlMs);
  if (validToken === null) return send((signal) => profile.requestToken(minTtlMs, signal));
  return { end: () => validToken.value.expose(), cancel: () => undefined };
}

export function sendRefresh(profile: Profile): SentRequest {
  return send((signal) => profile.requestRefresh(signal));
}

function send(request: (signal: AbortSignal) => Promise<IamToken>): SentRequest {
  const controller = new AbortController();
  let end: string | undefined;
  request(controller.signal).then(
    (token) => (end = token.value.expose()),
    (error: Error) => (end = error instanceof IamTokenError ? error.code : error.name),
  );
  return { end: () => end, cancel: () => controller.abort() };
}
