import * as v from 'valibot';
import type { Secret } from '../shared/secret.ts';
import type { ExchangeFailure, ExchangeOutcome } from '../token/ports.ts';
import { retryAfterMs, serverTimeMs } from './answer-headers.ts';
import { call } from './call.ts';
import type { Installation, SourceTools } from './credential-kind.ts';
import type { HttpResponse } from '../shared/http-client.ts';
import { readTokenAnswer } from './iam-token-answer.ts';
import { sayable } from './sayable.ts';

/** What IAM takes for a token: exactly one of these. */
export interface Proof {
  readonly field: 'yandexPassportOauthToken' | 'jwt';
  readonly secret: Secret;
}

/** `POST /iam/v1/tokens` (yandex.cloud/en/docs/iam/api-ref/IamToken/create). Never throws for what happens there. */
export async function createToken(
  { field, secret }: Proof,
  { endpoint }: Installation,
  signal: AbortSignal,
  tools: SourceTools,
): Promise<ExchangeOutcome> {
  const sent = secret.expose();
  const called = await call(
    'IAM',
    {
      method: 'POST',
      url: `${endpoint}/iam/v1/tokens`,
      headers: { 'content-type': 'application/json', accept: 'application/json' },
      body: JSON.stringify({ [field]: sent }),
    },
    signal,
    tools,
  );
  return called.ok ? outcomeOf(called.response, sent, tools.clock.now().wallMs) : called;
}

/** A google.rpc.Status: the only thing by which IAM itself can refuse. */
const statusSchema = v.object({
  code: v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(16)),
  message: v.string(),
  /** Of no weight: only the request's id is looked for in it. */
  details: v.fallback(v.array(v.unknown()), []),
});
type Status = v.InferOutput<typeof statusSchema>;

/**
 * Sorts an answer by what its body is, whatever its HTTP status: a proxy has statuses too.
 * @param sent the credential, of which nothing may be said
 * @param nowMs by the local clock, for an answer without a `Date`
 */
function outcomeOf(response: HttpResponse, sent: string, nowMs: number): ExchangeOutcome {
  const { status: httpStatus, headers } = response;
  const body = jsonObject(response.body);
  // Only who speaks as IAM does is believed about IAM's clock.
  const timeMs = body === null ? null : serverTimeMs(headers);
  const time = timeMs === null ? {} : { serverTimeMs: timeMs };
  const transient = (message: string): ExchangeOutcome => {
    const askedMs = retryAfterMs(headers, serverTimeMs(headers) ?? nowMs);
    const asked = askedMs === null ? {} : { retryAfterMs: askedMs };
    return { ok: false, failure: { kind: 'transient', message, ...asked, ...time } };
  };

  if (body === null) return transient(`IAM answered ${httpStatus} with ${strangeBody(response)}`);
  const status = v.safeParse(statusSchema, body);
  if (status.success) {
    const refusal = refusalOf(status.output, sent);
    if (refusal !== null) return { ok: false, failure: { ...refusal, ...time } };
    return transient(`IAM answered ${httpStatus} with ${said(status.output, sent)}`);
  }
  if (httpStatus < 200 || httpStatus > 299) {
    return transient(`IAM answered ${httpStatus} with JSON that is no error of its own`);
  }
  const answer = readTokenAnswer(body, timeMs ?? nowMs);
  return answer.ok ? { ok: true, exchanged: { ...answer.exchanged, ...time } } : transient(answer.message);
}

function jsonObject(text: string): object | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && !Array.isArray(value) ? value : null;
  } catch {
    // That it is no JSON is an answer too: the same as for any other thing that is no object.
    return null;
  }
}

/** Words for an answer that is not IAM's; nothing of it is quoted. */
function strangeBody({ status, headers, body }: HttpResponse): string {
  if (status >= 300 && status <= 399) return 'a redirect, which is not followed';
  if (body.trim() === '') return 'an empty body';
  if (headers.get('content-type')?.includes('html') === true || body.trimStart().startsWith('<')) {
    return 'a web page: a proxy or the login page of a network stands between';
  }
  return 'something that is no JSON object';
}

// --- what IAM says ----------------------------------------------------------------------------------------

/** Codes of google.rpc.Code that no second try will change: invalid argument, no right, precondition, no login. */
const terminalCodes: readonly number[] = [3, 7, 9, 16];
const permissionDenied = 7;

/** Named here alone, so that the other kinds of credential can be named once this program knows them. */
const otherCredentials =
  'other ways to get an IAM token: https://yandex.cloud/en/docs/iam/concepts/authorization/';
const ourFault = 'this is a fault of iam-tokend, please report it';

interface KnownMessage {
  readonly pattern: RegExp;
  readonly message: string;
  readonly hint: string;
}

/**
 * What IAM is known to say, as seen in its documentation, its SDKs and users' logs by November 2026. The only place
 * in this project that looks at the text of a message; a text that has changed is passed on as it is.
 */
const knownMessages: readonly KnownMessage[] = [
  {
    pattern: /^OAuth token is invalid or expired/i,
    message: 'IAM says that this OAuth token is invalid or has expired',
    hint: `iam-token login, with an OAuth token made before 1 June 2026 (IAM takes no newer one); ${otherCredentials}`,
  },
  {
    pattern: /issued after .{0,40}is not supported for IAM token exchange/i,
    message: 'Yandex Cloud no longer takes OAuth tokens made since 1 June 2026, and this is one',
    hint: otherCredentials,
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

/** `null` for a code that may pass by itself. */
function refusalOf(status: Status, sent: string): ExchangeFailure | null {
  const { code, message } = status;
  if (!terminalCodes.includes(code)) return null;
  const mayHeal = code === permissionDenied ? { mayHeal: true } : {};
  const known = knownMessages.find(({ pattern }) => pattern.test(message));
  if (known !== undefined) {
    return { kind: 'terminal', message: known.message, hint: known.hint, ...mayHeal };
  }
  const hint =
    code === permissionDenied ? 'have the missing role granted to this account' : 'iam-token login';
  return { kind: 'terminal', message: `IAM refused with ${said(status, sent)}`, hint, ...mayHeal };
}

/** An unknown message of IAM's, and the id by which its support finds the request. */
function said({ code, message, details }: Status, sent: string): string {
  const text = sayable(message, sent);
  const id = details.map(requestIdOf).find((found) => found !== null);
  return `code ${code}${text === '' ? '' : `: ${text}`}${id === undefined ? '' : ` (request ${sayable(id, sent)})`}`;
}

const requestInfoSchema = v.object({ requestId: v.pipe(v.string(), v.regex(/^[\w.-]{1,100}$/)) });

function requestIdOf(detail: unknown): string | null {
  const parsed = v.safeParse(requestInfoSchema, detail);
  return parsed.success ? parsed.output.requestId : null;
}
