/** What IAM says when it gives nothing, and the other services of Yandex Cloud that speak as it does. */
import * as v from 'valibot';
import type { ExchangeFailure } from '../token/ports.ts';
import type { SourceTools } from './credential-kind.ts';
import { otherKinds } from './oauth-end.ts';
import { sayable } from './sayable.ts';

/** Codes of google.rpc.Code that no second try will change: invalid argument, no right, precondition, no login. */
const terminalCodes: readonly number[] = [3, 7, 9, 16];
const permissionDenied = 7;
const missingRole = 'have the missing role granted to this account';

/** A google.rpc.Status: the only thing by which IAM itself can refuse. */
const statusSchema = v.object({
  code: v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(16)),
  message: v.string(),
  /** Of no weight: only the request's id is looked for in it. */
  details: v.fallback(
    v.array(
      v.fallback(v.object({ requestId: v.pipe(v.string(), v.regex(/^[\w.-]{1,100}$/)) }), { requestId: '' }),
    ),
    [],
  ),
});

/**
 * What a google.rpc.Status means; `null` for a body that is none.
 * @param sent the credential, of which nothing may be said
 */
export function statusIn(
  service: string,
  body: object | null,
  httpStatus: number,
  sent: string,
  tools: SourceTools,
): ExchangeFailure | null {
  const parsed = v.safeParse(statusSchema, body);
  if (!parsed.success) return null;
  const { code } = parsed.output;
  const words = said(parsed.output, sent);
  if (!terminalCodes.includes(code)) {
    return { kind: 'transient', message: `${service} answered ${httpStatus} with ${words}` };
  }
  const known = knownMessages.find(({ pattern }) => pattern.test(parsed.output.message));
  const hint = known?.hint ?? (code === permissionDenied ? missingRole : 'iam-token login');
  return {
    kind: 'terminal',
    message: known?.message ?? `${service} refused with ${words}`,
    hint: typeof hint === 'string' ? hint : hint(tools),
    ...(code === permissionDenied ? { mayHeal: true } : {}),
  };
}

/** An unknown message of IAM's, and the id by which its support finds the request. */
function said({ code, message, details }: v.InferOutput<typeof statusSchema>, sent: string): string {
  const text = sayable(message, sent);
  const id = details.find(({ requestId }) => requestId !== '')?.requestId;
  return `code ${code}${text === '' ? '' : `: ${text}`}${id === undefined ? '' : ` (request ${sayable(id, sent)})`}`;
}

const ourFault = 'this is a fault of iam-tokend, please report it';

interface KnownMessage {
  readonly pattern: RegExp;
  readonly message: string;
  readonly hint: string | ((tools: SourceTools) => string);
}

/**
 * What IAM is known to say, as seen in its documentation, its SDKs and users' logs by November 2026. The only place
 * in this project that looks at the text of a message; a text that has changed is passed on as it is.
 */
const knownMessages: readonly KnownMessage[] = [
  {
    pattern: /^OAuth token is invalid or expired/i,
    message: 'IAM says that this OAuth token is invalid or has expired',
    hint: (tools) => `iam-token login, with an OAuth token made before 1 June 2026; or ${otherKinds(tools)}`,
  },
  {
    pattern: /issued after .{0,40}is not supported for IAM token exchange/i,
    message: 'Yandex Cloud no longer takes OAuth tokens made since 1 June 2026, and this is one',
    hint: otherKinds,
  },
  {
    pattern: /^User does not registered in Yandex\.cloud/i,
    message: 'this Yandex account is not registered in Yandex Cloud',
    hint: 'open https://console.yandex.cloud with that account and create a cloud, then: iam-token login',
  },
  {
    pattern: /^User has to accept the End User License Agreement/i,
    message: 'this account has not accepted the agreement of Yandex Cloud and its privacy policy yet',
    hint: 'open https://auth.yandex.cloud/agreement and accept, then: iam-token login',
  },
  {
    pattern: /^Token is invalid or has expired/i,
    message: 'IAM says that this credential is invalid or has expired',
    hint: 'iam-token login',
  },
  {
    pattern: /^The required field 'kid' is missing from the JWT header/i,
    message: 'IAM misses the id of the key in the JWT',
    hint: ourFault,
  },
  {
    pattern: /^Exactly one of 'yandexPassportOauthToken' and 'jwt' should be specified/i,
    message: 'IAM could not find the credential in the request',
    hint: ourFault,
  },
];
