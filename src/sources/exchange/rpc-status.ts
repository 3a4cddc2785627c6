/** The errors of IAM, and of the other services of Yandex Cloud that use its error format. */
import * as v from 'valibot';
import type { Hint } from '../../shared/hint.ts';
import type { ExchangeFailure } from '../../token/token-source.ts';
import type { SourceTools } from '../credential-kind.ts';
import { newOauthTokensRefused, suggestOtherKinds, useOlderOauthToken } from '../kinds/oauth-sunset.ts';
import { sanitizeUpstreamText } from './sanitize-upstream-text.ts';

/** google.rpc.Code: INVALID_ARGUMENT, PERMISSION_DENIED, FAILED_PRECONDITION, UNAUTHENTICATED. A retry cannot help. */
const terminalCodes: readonly number[] = [3, 7, 9, 16];
const permissionDenied = 7;
const loginHint: Hint = { command: 'login' };
const missingRoleHint = 'grant this account the missing role';

/** google.rpc.Status (cloud.google.com/apis/design/errors), in JSON. */
const statusSchema = v.object({
  code: v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(16)),
  message: v.string(),
  /** Only the id of the request is used; anything else may be in it. */
  details: v.fallback(
    v.array(
      v.fallback(v.object({ requestId: v.pipe(v.string(), v.regex(/^[\w.-]{1,100}$/)) }), { requestId: '' }),
    ),
    [],
  ),
});

/**
 * The failure for a google.rpc.Status; `null` if the body is something else.
 * @param secretText the credential, which the message must not quote
 */
export function parseRpcStatus(
  service: string,
  body: object | null,
  httpStatus: number,
  secretText: string,
  tools: SourceTools,
): ExchangeFailure | null {
  const parsed = v.safeParse(statusSchema, body);
  if (!parsed.success) return null;
  const { code } = parsed.output;
  const statusText = formatStatus(parsed.output, secretText);
  if (!terminalCodes.includes(code)) {
    return { kind: 'transient', message: `${service} returned HTTP ${httpStatus} with ${statusText}` };
  }
  const knownMessage = knownMessages.find(({ pattern }) => pattern.test(parsed.output.message));
  const hint = knownMessage?.hint ?? (code === permissionDenied ? missingRoleHint : loginHint);
  return {
    kind: 'terminal',
    message: knownMessage?.message ?? `${service} rejected the request with ${statusText}`,
    hint: typeof hint === 'function' ? hint(tools) : hint,
    ...(code === permissionDenied ? { retryOnSchedule: true } : {}),
  };
}

/** The code of a google.rpc.Status; `null` if the body is something else. */
export function rpcCodeOf(body: object | null): number | null {
  const parsed = v.safeParse(statusSchema, body);
  return parsed.success ? parsed.output.code : null;
}

/** With the id of the request, by which the vendor's support can find it. */
function formatStatus(
  { code, message, details }: v.InferOutput<typeof statusSchema>,
  secretText: string,
): string {
  const text = sanitizeUpstreamText(message, secretText);
  const id = details.find(({ requestId }) => requestId !== '')?.requestId;
  return `code ${code}${text === '' ? '' : `: ${text}`}${id === undefined ? '' : ` (request ${sanitizeUpstreamText(id, secretText)})`}`;
}

const reportBugHint = 'this is a bug in iam-tokend; please report it';

interface KnownMessage {
  readonly pattern: RegExp;
  readonly message: string;
  readonly hint: Hint | ((tools: SourceTools) => Hint);
}

/**
 * Messages of IAM from its documentation, its SDKs and users' logs, November 2026. The only place in this project that
 * matches on the text of a message; if IAM changes one, the new text is shown as it is.
 */
const knownMessages: readonly KnownMessage[] = [
  {
    pattern: /^OAuth token is invalid or expired/i,
    message: 'the OAuth token is invalid or has expired',
    hint: (tools) => [
      { text: useOlderOauthToken, command: 'login', kind: 'oauth' },
      ...suggestOtherKinds(tools),
    ],
  },
  {
    pattern: /issued after .{0,40}is not supported for IAM token exchange/i,
    message: `IAM rejected the OAuth token: ${newOauthTokensRefused}`,
    hint: suggestOtherKinds,
  },
  {
    pattern: /^User does not registered in Yandex\.cloud/i,
    message: 'the Yandex account has no cloud in Yandex Cloud',
    hint: {
      text: 'open https://console.yandex.cloud with that account and create a cloud, then',
      command: 'login',
    },
  },
  {
    pattern: /^User has to accept the End User License Agreement/i,
    message: 'the account has not accepted the agreement and the privacy policy of Yandex Cloud',
    hint: { text: 'open https://auth.yandex.cloud/agreement and accept, then', command: 'login' },
  },
  {
    pattern: /^Token is invalid or has expired/i,
    message: 'the credential is invalid or has expired',
    hint: loginHint,
  },
  {
    pattern: /^The required field 'kid' is missing from the JWT header/i,
    message: 'IAM found no key id in the JWT',
    hint: reportBugHint,
  },
  {
    pattern: /^Exactly one of 'yandexPassportOauthToken' and 'jwt' should be specified/i,
    message: 'IAM found no credential in the request',
    hint: reportBugHint,
  },
];
