import { isAbsolute } from 'node:path';
import * as v from 'valibot';
import { formatIsoSeconds } from '../../shared/clock.ts';
import { leadsThroughProc } from '../../files/path-parts/replaceable-part.ts';
import { parseEndpoint, endpointRule, isLoopbackUrl } from '../../shared/endpoint.ts';
import { omitUndefined } from '../../shared/omit-undefined.ts';
import { isResourceId, resourceIdRule } from '../../shared/resource-id.ts';
import { Secret } from '../../shared/secret.ts';
import { formatOption } from '../../shared/shell-quoting.ts';
import type { ExchangeFailure, ExchangeOutcome, IamTokenSource } from '../../token/token-source.ts';
import { sendExchange, createFailure, type TokenEndpoint } from '../exchange/send-exchange.ts';
import {
  type CredentialKind,
  createBadRequestError,
  createForbiddenError,
  type SourceTools,
} from '../credential-kind.ts';
import { parseRpcStatus } from '../exchange/rpc-status.ts';
import { parseAccessTokenResponse } from '../exchange/token-response.ts';
import { parseStored } from '../parse-stored.ts';
import { sanitizeUpstreamText } from '../exchange/sanitize-upstream-text.ts';
import { readTokenFile } from './token-file.ts';

/** Token URLs by IAM endpoint (yandex.cloud/en/docs/iam/operations/wlif/setup-wlif, November 2026). */
const tokenUrls: ReadonlyMap<string, string> = new Map(
  Object.entries({
    'https://iam.api.cloud.yandex.net': 'https://auth.yandex.cloud/oauth/token',
  }),
);
const service = 'the token exchange of Yandex Cloud';

/** Not secret: the secret is in the token file. */
const storedSchema = v.object({ serviceAccountId: v.string(), tokenFile: v.string(), tokenUrl: v.string() });
type StoredWorkload = v.InferOutput<typeof storedSchema>;

/** Workload identity federation: an OIDC token of Kubernetes, a CI system or another platform, in a file. */
export const workloadIdentityKind: CredentialKind = {
  name: 'workload-identity',
  accountCollections: ['serviceAccounts'],

  async createCredential({ settings }, { endpoint }, { fileDeadline }) {
    const { serviceAccountId = '', tokenFile = '', tokenUrl } = settings;
    if (!isResourceId(serviceAccountId)) throw createBadRequestError(`the service account ${resourceIdRule}`);
    if (!isAbsolute(tokenFile)) throw createBadRequestError('the path of the token file must be absolute');
    if (/\p{C}/u.test(tokenFile))
      throw createBadRequestError('the path of the token file contains control characters');
    const isInProc = fileDeadline.run(`path of ${tokenFile}`, () => leadsThroughProc(tokenFile));
    if (await isInProc.catch(() => false))
      throw createForbiddenError(`the daemon does not read ${tokenFile}: it leads through /proc`);
    const fileResult = await readTokenFile(tokenFile, fileDeadline);
    if (!fileResult.ok) throw createBadRequestError(fileResult.message);
    return new Secret(
      JSON.stringify({
        serviceAccountId,
        tokenFile,
        tokenUrl: resolveTokenUrl(endpoint, tokenUrl),
      } satisfies StoredWorkload),
    );
  },

  open: (credential, _installation, tools) =>
    createWorkloadSource(parseStored(storedSchema, credential), tools),

  /** The OIDC token belongs to the platform, which also revokes it. */
  getRevocationAdvice: () => null,
};

function resolveTokenUrl(endpoint: string, configuredUrl: string | undefined): string {
  if (configuredUrl !== undefined) {
    const normalizedUrl = parseEndpoint(configuredUrl);
    if (normalizedUrl !== null) return normalizedUrl;
    throw createBadRequestError(`the token URL ${endpointRule}`);
  }
  const defaultUrl =
    tokenUrls.get(endpoint) ?? (isLoopbackUrl(endpoint) ? `${endpoint}/oauth/token` : undefined);
  if (defaultUrl !== undefined) return defaultUrl;
  throw createBadRequestError(`no token URL is known for ${endpoint}`, {
    command: 'login',
    options: `${formatOption('--endpoint', endpoint)} --token-url URL`,
  });
}

const checkFileHint = 'check the program that renews this file';

function createWorkloadSource(workload: StoredWorkload, tools: SourceTools): IamTokenSource {
  const { tokenFile } = workload;
  return {
    probe: () => tools.probeService(workload.tokenUrl),
    /** Tries once more if the token in the file was renewed during the exchange. */
    async exchange(signal) {
      const firstRead = await readTokenFile(tokenFile, tools.fileDeadline);
      if (!firstRead.ok) return createFailure('transient', firstRead.message, checkFileHint);
      const outcome = await exchangeToken(firstRead.token, workload, signal, tools);
      if (outcome.ok || outcome.failure.kind !== 'terminal') return outcome;
      const secondRead = await readTokenFile(tokenFile, tools.fileDeadline);
      if (!secondRead.ok) return createFailure('transient', secondRead.message, checkFileHint);
      if (!secondRead.token.equals(firstRead.token))
        return exchangeToken(secondRead.token, workload, signal, tools);
      return { ok: false, failure: explainExpiry(outcome.failure, firstRead.expiresAtMs, tokenFile, tools) };
    },
  };
}

/**
 * The service alone decides whether a token has expired: a local clock may be wrong. Once it has rejected one that has,
 * the next token in the file may be accepted at any time.
 */
function explainExpiry(
  failure: ExchangeFailure,
  expiresAtMs: number | null,
  tokenFile: string,
  { clock }: SourceTools,
): ExchangeFailure {
  const { serverTimeMs, retryOnSchedule: _retryOnSchedule, ...details } = failure;
  if (expiresAtMs === null || expiresAtMs > (serverTimeMs ?? clock.now().wallMs)) return failure;
  const condition = serverTimeMs === undefined ? "by this machine's clock, " : '';
  const expiry = `${condition}the token in ${tokenFile} expired at ${formatIsoSeconds(expiresAtMs)}`;
  return {
    ...details,
    kind: 'transient',
    hint: `${expiry}; ${checkFileHint}`,
    ...omitUndefined({ serverTimeMs }),
  };
}

/** RFC 8693, section 2.1. */
function exchangeToken(
  token: Secret,
  { serviceAccountId, tokenUrl }: StoredWorkload,
  signal: AbortSignal,
  tools: SourceTools,
): Promise<ExchangeOutcome<Secret>> {
  const secretText = token.expose();
  const form = new URLSearchParams({
    grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
    requested_token_type: 'urn:ietf:params:oauth:token-type:access_token',
    audience: serviceAccountId,
    subject_token: secretText,
    subject_token_type: 'urn:ietf:params:oauth:token-type:id_token',
  });
  const tokenEndpoint: TokenEndpoint<Secret> = {
    service,
    request: {
      method: 'POST',
      url: tokenUrl,
      headers: { 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json' },
      body: form.toString(),
    },
    parseError(body, status) {
      const error =
        parseOauthError(body, status, secretText) ?? parseRpcStatus(service, body, status, secretText, tools);
      if (error?.kind !== 'terminal') return error;
      // The next token in the file may be accepted, or the federation corrected.
      return { ...error, hint: formatFederationHint(serviceAccountId), retryOnSchedule: true };
    },
    parseToken: (body, nowMs) => parseAccessTokenResponse(service, body, nowMs),
  };
  return sendExchange(tokenEndpoint, signal, tools);
}

function formatFederationHint(serviceAccountId: string): string {
  return `check that a workload identity federation trusts this token for ${serviceAccountId}: its issuer, audience and subject`;
}

/** RFC 6749, section 5.2, and RFC 8693, section 2.2.2. */
const oauthErrorSchema = v.object({
  error: v.pipe(v.string(), v.regex(/^[\w.:-]{1,64}$/)),
  error_description: v.optional(v.string(), ''),
});

/** Errors that may go away. */
const transientErrors: readonly string[] = ['server_error', 'temporarily_unavailable', 'slow_down'];

/** `null` if the body is not an OAuth error object. */
function parseOauthError(
  body: object | null,
  httpStatus: number,
  secretText: string,
): ExchangeFailure | null {
  const parsed = v.safeParse(oauthErrorSchema, body);
  if (!parsed.success) return null;
  const { error, error_description: description } = parsed.output;
  const text = sanitizeUpstreamText(description, secretText);
  const errorText = text === '' ? error : `${error}: ${text}`;
  return transientErrors.includes(error)
    ? { kind: 'transient', message: `${service} returned HTTP ${httpStatus} with ${errorText}` }
    : { kind: 'terminal', message: `${service} rejected the request with ${errorText}` };
}
