/** The methods of the IAM API. None throws for a failure of the network or of IAM. */
import type { HttpRequest } from '../../shared/http-client.ts';
import type { Secret } from '../../shared/secret.ts';
import type { ExchangeFailure, ExchangeOutcome } from '../../token/token-source.ts';
import type { AccountCollection, Installation, SourceTools } from '../credential-kind.ts';
import { type AwsKeys, parseAwsKeysResponse } from './aws-keys.ts';
import { parseDisplayName } from './display-name.ts';
import { parseKeyPage, parseListedKey } from './key-response.ts';
import type { ListedKey } from './listed-key.ts';
import { parseRpcStatus, rpcCodeOf } from './rpc-status.ts';
import { callService, createFailure, sendExchange, type ServiceRequest } from './send-exchange.ts';
import { parseTokenResponse } from './token-response.ts';

/** IAM accepts exactly one of these fields. */
export interface ExchangeCredential {
  readonly field: 'yandexPassportOauthToken' | 'jwt';
  readonly secret: Secret;
}

/** Whether the IAM API answers at all. */
export function probeTokensUrl(
  { endpoint }: Installation,
  { probeService }: SourceTools,
): Promise<string | null> {
  return probeService(tokensUrl(endpoint));
}

function tokensUrl(endpoint: string): string {
  return `${endpoint}/iam/v1/tokens`;
}

/** `POST /iam/v1/tokens` (yandex.cloud/en/docs/iam/api-ref/IamToken/create). */
export function createToken(
  { field, secret }: ExchangeCredential,
  { endpoint }: Installation,
  signal: AbortSignal,
  tools: SourceTools,
): Promise<ExchangeOutcome<Secret>> {
  const request = createPostRequest(tokensUrl(endpoint), { [field]: secret.expose() });
  const parseToken = parseTokenResponse;
  return sendExchange({ ...createIamRequest(request, secret, tools), parseToken }, signal, tools);
}

/**
 * `POST /iam/v1/tokens:createForServiceAccount` (yandex.cloud/en/docs/iam/api-ref/IamToken/createForServiceAccount):
 * impersonation.
 * @param token an IAM token of an account that may impersonate the service account
 */
export function createTokenForServiceAccount(
  token: Secret,
  serviceAccountId: string,
  { endpoint }: Installation,
  signal: AbortSignal,
  tools: SourceTools,
): Promise<ExchangeOutcome<Secret>> {
  const url = `${endpoint}/iam/v1/tokens:createForServiceAccount`;
  const request = createPostRequest(url, { serviceAccountId }, token);
  const parseToken = parseTokenResponse;
  return sendExchange({ ...createIamRequest(request, token, tools), parseToken }, signal, tools);
}

/**
 * `POST /iam/aws-compatibility/v1/ephemeralAccessKeys`
 * (yandex.cloud/en/docs/iam/awscompatibility/api-ref/TemporaryAccessKey/createEphemeral). The keys live for 12 h, the
 * maximum, so that tools that cache them have hours left despite the hourly renewal.
 * @param token an IAM token of the account that the keys are for
 */
export function createAwsKeys(
  token: Secret,
  { endpoint }: Installation,
  signal: AbortSignal,
  tools: SourceTools,
): Promise<ExchangeOutcome<AwsKeys>> {
  const url = `${endpoint}/iam/aws-compatibility/v1/ephemeralAccessKeys`;
  const request = createPostRequest(url, { sessionName: 'iam-tokend', duration: '43200s' }, token);
  const parseToken = parseAwsKeysResponse;
  return sendExchange({ ...createIamRequest(request, token, tools), parseToken }, signal, tools);
}

/**
 * `POST /iam/v1/tokens:revoke` (yandex.cloud/en/docs/iam/api-ref/IamToken/revoke).
 * @returns why the token could not be revoked; `null` if it was
 */
export async function revokeToken(
  token: Secret,
  { endpoint }: Installation,
  signal: AbortSignal,
  tools: SourceTools,
): Promise<string | null> {
  const request = createPostRequest(`${endpoint}/iam/v1/tokens:revoke`, { iamToken: token.expose() }, token);
  const outcome = await callService(createIamRequest(request, token, tools), signal, tools);
  return outcome.ok ? null : outcome.failure.message;
}

/**
 * `GET /iam/v1/serviceAccounts/{id}` (yandex.cloud/en/docs/iam/api-ref/ServiceAccount/get) and
 * `GET /iam/v1/userAccounts/{id}` (yandex.cloud/en/docs/iam/api-ref/UserAccount/get).
 * @param token of an account that may read this one
 * @returns what people call the account; `null` if IAM does not say
 */
export async function getDisplayName(
  collection: AccountCollection,
  accountId: string,
  token: Secret,
  { endpoint }: Installation,
  signal: AbortSignal,
  tools: SourceTools,
): Promise<string | null> {
  const url = `${endpoint}/iam/v1/${collection}/${encodeURIComponent(accountId)}`;
  const headers = { accept: 'application/json', authorization: `Bearer ${token.expose()}` };
  const request: HttpRequest = { method: 'GET', url, headers };
  const outcome = await callService(createIamRequest(request, token, tools), signal, tools);
  return outcome.ok ? parseDisplayName(outcome.body, token.expose()) : null;
}

/** What a method for keys returns. */
export type IamResult<T> =
  | { readonly ok: true; readonly value: T }
  | {
      readonly ok: false;
      readonly failure: ExchangeFailure;
      /** google.rpc.Code; `null` unless IAM itself answered. */
      readonly rpcCode: number | null;
    };

export interface NewKey {
  readonly serviceAccountId: string;
  readonly description: string;
  readonly keyAlgorithm: 'RSA_2048' | 'RSA_4096';
}

/**
 * `POST /iam/v1/keys` (yandex.cloud/en/docs/iam/api-ref/Key/create).
 * @param token of an account that may create keys for the service account
 * @returns the body of the response, which has the private key
 */
export function createKey(
  newKey: NewKey,
  token: Secret,
  { endpoint }: Installation,
  signal: AbortSignal,
  tools: SourceTools,
): Promise<IamResult<object>> {
  const request = createPostRequest(`${endpoint}/iam/v1/keys`, newKey, token);
  return callIam(request, token, signal, tools, (body) => body);
}

/** More keys than any quota allows. */
const maxKeyPages = 100;
/** A response has at most 256 KiB, and a key takes up to 1 KB. */
const keyPageSize = '100';

/** `GET /iam/v1/keys` (yandex.cloud/en/docs/iam/api-ref/Key/list), all pages. */
export async function listKeys(
  serviceAccountId: string,
  token: Secret,
  { endpoint }: Installation,
  signal: AbortSignal,
  tools: SourceTools,
): Promise<IamResult<readonly ListedKey[]>> {
  const keys: ListedKey[] = [];
  let pageToken = '';
  for (let page = 0; page < maxKeyPages; page += 1) {
    const query = new URLSearchParams({ serviceAccountId, pageSize: keyPageSize, pageToken });
    const request = createBearerRequest('GET', `${endpoint}/iam/v1/keys?${query.toString()}`, token);
    const result = await callIam(request, token, signal, tools, parseKeyPage);
    if (!result.ok) return result;
    keys.push(...result.value.keys);
    pageToken = result.value.nextPageToken;
    if (pageToken === '') return { ok: true, value: keys };
  }
  return {
    ...createFailure('transient', 'invalid response from IAM: the list of keys has no end'),
    rpcCode: null,
  };
}

/** `GET /iam/v1/keys/{id}` (yandex.cloud/en/docs/iam/api-ref/Key/get). */
export function getKey(
  id: string,
  token: Secret,
  { endpoint }: Installation,
  signal: AbortSignal,
  tools: SourceTools,
): Promise<IamResult<ListedKey>> {
  const request = createBearerRequest('GET', `${endpoint}/iam/v1/keys/${encodeURIComponent(id)}`, token);
  return callIam(request, token, signal, tools, parseListedKey);
}

/**
 * `DELETE /iam/v1/keys/{id}` (yandex.cloud/en/docs/iam/api-ref/Key/delete). An operation that IAM has accepted is enough,
 * unless it has failed already.
 */
export function deleteKey(
  id: string,
  token: Secret,
  { endpoint }: Installation,
  signal: AbortSignal,
  tools: SourceTools,
): Promise<IamResult<true>> {
  const request = createBearerRequest('DELETE', `${endpoint}/iam/v1/keys/${encodeURIComponent(id)}`, token);
  return callIam(request, token, signal, tools, (body: { readonly error?: unknown }) =>
    body.error === undefined ? true : null,
  );
}

/** @param parse `null` for a body that is not what the method returns */
async function callIam<T>(
  request: HttpRequest,
  token: Secret,
  signal: AbortSignal,
  tools: SourceTools,
  parse: (body: object) => T | null,
): Promise<IamResult<T>> {
  let rpcCode: number | null = null;
  const { parseError, ...service } = createIamRequest(request, token, tools);
  const withCode: ServiceRequest = {
    ...service,
    parseError: (body, status) => {
      rpcCode = rpcCodeOf(body);
      return parseError(body, status);
    },
  };
  const outcome = await callService(withCode, signal, tools);
  if (!outcome.ok) return { ...outcome, rpcCode };
  const value = parse(outcome.body);
  if (value !== null) return { ok: true, value };
  const message = `invalid response from IAM to ${request.method} ${new URL(request.url).pathname}`;
  return { ...createFailure('transient', message), rpcCode: null };
}

function createBearerRequest(method: 'GET' | 'DELETE', url: string, token: Secret): HttpRequest {
  return {
    method,
    url,
    headers: { accept: 'application/json', authorization: `Bearer ${token.expose()}` },
  };
}

function createPostRequest(url: string, body: object, bearer?: Secret): HttpRequest {
  const authorization = bearer === undefined ? {} : { authorization: `Bearer ${bearer.expose()}` };
  return {
    method: 'POST',
    url,
    headers: { 'content-type': 'application/json', accept: 'application/json', ...authorization },
    body: JSON.stringify(body),
  };
}

/** @param secret the credential in the request, which no message may quote */
function createIamRequest(request: HttpRequest, secret: Secret, tools: SourceTools): ServiceRequest {
  const secretText = secret.expose();
  return {
    service: 'IAM',
    request,
    parseError: (body, status) => parseRpcStatus('IAM', body, status, secretText, tools),
  };
}
