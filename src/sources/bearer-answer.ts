import { believedToken, type TokenAnswer } from './iam-token-answer.ts';

/**
 * Reads `{"access_token":"…","expires_in":43200,"token_type":"Bearer"}` (RFC 6749, section 5.1), as the metadata
 * service and the token exchange answer.
 * @param nowMs from which `expires_in` counts, by the service's own clock, where that is known
 */
export function readBearerAnswer(service: string, body: object, nowMs: number): TokenAnswer {
  const {
    access_token: token,
    expires_in: seconds,
  }: Readonly<Record<'access_token' | 'expires_in', unknown>> = {
    access_token: undefined,
    expires_in: undefined,
    ...body,
  };
  const expiry =
    typeof seconds === 'number' && Number.isFinite(seconds) && Math.abs(seconds) <= 1e9
      ? nowMs + Math.floor(seconds) * 1_000
      : `${service}'s answer does not say how long the token lives`;
  return believedToken(service, token, expiry, nowMs);
}
