import type { HttpRequest } from '../shared/http-client.ts';
import type { Secret } from '../shared/secret.ts';
import type { ExchangeOutcome } from '../token/ports.ts';
import { ask, type Question } from './ask.ts';
import type { Installation, SourceTools } from './credential-kind.ts';
import { statusIn } from './iam-errors.ts';
import { readKeysAnswer, readTokenAnswer } from './iam-token-answer.ts';

/** What IAM takes for a token: exactly one of these. */
export interface Proof {
  readonly field: 'yandexPassportOauthToken' | 'jwt';
  readonly secret: Secret;
}

/** `POST /iam/v1/tokens` (yandex.cloud/en/docs/iam/api-ref/IamToken/create). Never throws for what happens there. */
export function createToken(
  { field, secret }: Proof,
  { endpoint }: Installation,
  signal: AbortSignal,
  tools: SourceTools,
): Promise<ExchangeOutcome> {
  const sent = secret.expose();
  const request = postOf(`${endpoint}/iam/v1/tokens`, { [field]: sent });
  return tokenBy(request, sent, signal, tools);
}

/**
 * `POST /iam/v1/tokens:createForServiceAccount` (yandex.cloud/en/docs/iam/api-ref/IamToken/createForServiceAccount):
 * a token of a service account, for whoever may act as it.
 * @param token an IAM token of theirs
 */
export function createTokenForServiceAccount(
  token: Secret,
  serviceAccountId: string,
  { endpoint }: Installation,
  signal: AbortSignal,
  tools: SourceTools,
): Promise<ExchangeOutcome> {
  const sent = token.expose();
  const request = postOf(`${endpoint}/iam/v1/tokens:createForServiceAccount`, { serviceAccountId }, sent);
  return tokenBy(request, sent, signal, tools);
}

/**
 * `POST /iam/aws-compatibility/v1/ephemeralAccessKeys` (yandex.cloud/en/docs/iam/awscompatibility/api-ref/TemporaryAccessKey/createEphemeral):
 * keys by which AWS's tools reach Object Storage, as `readKeysAnswer` keeps them. They live for 12 h, the most there
 * is, so that a renewal each hour leaves the tools that keep them hours in hand.
 * @param token an IAM token of the account that the keys are for
 */
export function createEphemeralKeys(
  token: Secret,
  { endpoint }: Installation,
  signal: AbortSignal,
  tools: SourceTools,
): Promise<ExchangeOutcome> {
  const sent = token.expose();
  const url = `${endpoint}/iam/aws-compatibility/v1/ephemeralAccessKeys`;
  const request = postOf(url, { sessionName: 'iam-tokend', duration: '43200s' }, sent);
  return tokenBy(request, sent, signal, tools, readKeysAnswer);
}

/**
 * `POST /iam/v1/tokens:revoke` (yandex.cloud/en/docs/iam/api-ref/IamToken/revoke): the token ends now.
 * @returns why it does not; `null` when it does
 */
export async function revokeToken(
  token: Secret,
  { endpoint }: Installation,
  signal: AbortSignal,
  tools: SourceTools,
): Promise<string | null> {
  const sent = token.expose();
  const request = postOf(`${endpoint}/iam/v1/tokens:revoke`, { iamToken: sent }, sent);
  const ended: ExchangeOutcome = { ok: true, exchanged: { token, expiresAtMs: 0, subject: null } };
  const outcome = await tokenBy(request, sent, signal, tools, () => ended);
  return outcome.ok ? null : outcome.failure.message;
}

function postOf(url: string, body: object, bearer?: string): HttpRequest {
  const authorization = bearer === undefined ? {} : { authorization: `Bearer ${bearer}` };
  return {
    method: 'POST',
    url,
    headers: { 'content-type': 'application/json', accept: 'application/json', ...authorization },
    body: JSON.stringify(body),
  };
}

/** @param sent the credential, of which nothing may be said */
function tokenBy(
  request: HttpRequest,
  sent: string,
  signal: AbortSignal,
  tools: SourceTools,
  tokenIn: Question['tokenIn'] = readTokenAnswer,
): Promise<ExchangeOutcome> {
  const errorIn: Question['errorIn'] = (body, status) => statusIn('IAM', body, status, sent, tools);
  return ask({ service: 'IAM', request, errorIn, tokenIn }, signal, tools);
}
