import { isAbsolute } from 'node:path';
import * as v from 'valibot';
import { endpointOf, endpointRule, isLoopbackUrl } from '../shared/endpoint.ts';
import { resourceIdPattern, resourceIdRule } from '../shared/resource-id.ts';
import { Secret } from '../shared/secret.ts';
import type { ExchangeFailure, ExchangeOutcome, IamTokenSource } from '../token/ports.ts';
import { ask, failed, type Question } from './ask.ts';
import { type CredentialKind, refusal, type SourceTools } from './credential-kind.ts';
import { statusIn } from './iam-errors.ts';
import { readBearerAnswer } from './iam-token-answer.ts';
import { kept } from './kept.ts';
import { sayable } from './sayable.ts';
import { readTokenFile } from './token-file.ts';

/** Where tokens are exchanged, by the installation's IAM endpoint: yandex.cloud/en/docs/iam/operations/wlif/setup-wlif. */
const tokenUrls: Readonly<Record<string, string>> = {
  'https://iam.api.cloud.yandex.net': 'https://auth.yandex.cloud/oauth/token',
};
const service = 'the token exchange of Yandex Cloud';

/** Nothing of it is secret: that is in the file. */
const keptSchema = v.object({ serviceAccountId: v.string(), tokenFile: v.string(), tokenUrl: v.string() });
type Kept = v.InferOutput<typeof keptSchema>;

/** A workload that its own platform vouches for (Kubernetes, a CI system), by an OIDC token in a file. */
export const workloadIdentityKind: CredentialKind = {
  name: 'workload-identity',

  async accept({ settings }, { endpoint }, { clock }) {
    const { serviceAccountId = '', tokenFile = '', tokenUrl } = settings;
    if (!resourceIdPattern.test(serviceAccountId)) throw refusal(`the service account ${resourceIdRule}`);
    if (!isAbsolute(tokenFile)) throw refusal('the path of the token file must be absolute');
    if (/\p{C}/u.test(tokenFile)) throw refusal('the path of the token file has control characters in it');
    const read = await readTokenFile(tokenFile, clock.now().wallMs);
    if (!read.ok) throw refusal(read.message);
    return new Secret(
      JSON.stringify({
        serviceAccountId,
        tokenFile,
        tokenUrl: tokenUrlOf(endpoint, tokenUrl),
      } satisfies Kept),
    );
  },

  open: (credential, _installation, tools) => fileSource(kept(keptSchema, credential), tools),

  /** The platform's own tokens live for an hour or so, and are none of ours. */
  revocationAdvice: () => null,
};

function tokenUrlOf(endpoint: string, given: string | undefined): string {
  if (given !== undefined) {
    const checked = endpointOf(given);
    if (checked !== null) return checked;
    throw refusal(`the token URL ${endpointRule}`);
  }
  const known = tokenUrls[endpoint] ?? (isLoopbackUrl(endpoint) ? `${endpoint}/oauth/token` : undefined);
  if (known !== undefined) return known;
  throw refusal(
    `it is not known where tokens are exchanged in the installation of ${endpoint}; name its token URL`,
  );
}

/** Whoever renews the file may do so at any moment, without a word to us: so what is wrong with it may pass. */
const lookAtFile = 'look what should renew that file';

function fileSource(workload: Kept, tools: SourceTools): IamTokenSource {
  const read = () => readTokenFile(workload.tokenFile, tools.clock.now().wallMs);
  return {
    /** A token that was renewed while the old one was refused is not the one that was refused. */
    async exchange(signal) {
      const first = await read();
      if (!first.ok) return failed('transient', first.message, lookAtFile);
      const outcome = await exchangeToken(first.token, workload, signal, tools);
      if (outcome.ok || outcome.failure.kind !== 'terminal') return outcome;
      const second = await read();
      if (!second.ok) return failed('transient', second.message, lookAtFile);
      if (second.token.equals(first.token)) return outcome;
      return exchangeToken(second.token, workload, signal, tools);
    },
  };
}

/** OAuth 2.0 token exchange: RFC 8693, section 2.1. */
function exchangeToken(
  token: Secret,
  { serviceAccountId, tokenUrl }: Kept,
  signal: AbortSignal,
  tools: SourceTools,
): Promise<ExchangeOutcome> {
  const sent = token.expose();
  const form = new URLSearchParams({
    grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
    requested_token_type: 'urn:ietf:params:oauth:token-type:access_token',
    audience: serviceAccountId,
    subject_token: sent,
    subject_token_type: 'urn:ietf:params:oauth:token-type:id_token',
  });
  const question: Question = {
    service,
    request: {
      method: 'POST',
      url: tokenUrl,
      headers: { 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json' },
      body: form.toString(),
    },
    errorIn(body, status) {
      const error = oauthErrorIn(body, status, sent) ?? statusIn(service, body, status, sent, tools);
      if (error?.kind !== 'terminal') return error;
      // The next token in the file may be trusted, or a federation be set right: so the schedule tries again.
      return { ...error, hint: lookAtFederation(serviceAccountId), mayHeal: true };
    },
    tokenIn: (body, nowMs) => readBearerAnswer(service, body, nowMs),
  };
  return ask(question, signal, tools);
}

function lookAtFederation(serviceAccountId: string): string {
  return `look whether a workload identity federation trusts this token for ${serviceAccountId}: its issuer, audience and subject`;
}

/** RFC 6749, section 5.2, and RFC 8693, section 2.2.2. */
const oauthErrorSchema = v.object({
  error: v.pipe(v.string(), v.regex(/^[\w.:-]{1,64}$/)),
  error_description: v.optional(v.string(), ''),
});

/** Those by which a service says that it cannot, and not that it will not. */
const passing: readonly string[] = ['server_error', 'temporarily_unavailable', 'slow_down'];

/** What an OAuth error object means; `null` for a body that is none. */
function oauthErrorIn(body: object | null, httpStatus: number, sent: string): ExchangeFailure | null {
  const parsed = v.safeParse(oauthErrorSchema, body);
  if (!parsed.success) return null;
  const { error, error_description: description } = parsed.output;
  const text = sayable(description, sent);
  const said = text === '' ? error : `${error}: ${text}`;
  return passing.includes(error)
    ? { kind: 'transient', message: `${service} answered ${httpStatus} with ${said}` }
    : { kind: 'terminal', message: `${service} refused with ${said}` };
}
