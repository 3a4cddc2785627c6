import { isAbsolute } from 'node:path';
import * as v from 'valibot';
import { endpointOf, isLoopbackUrl } from '../shared/endpoint.ts';
import { ProblemError } from '../shared/errors.ts';
import { resourceIdPattern, resourceIdRule } from '../shared/resource-id.ts';
import { Secret } from '../shared/secret.ts';
import type { ExchangeFailure, ExchangeOutcome, IamTokenSource } from '../token/ports.ts';
import { outcomeOf } from './answer-outcome.ts';
import { readBearerAnswer } from './bearer-answer.ts';
import { call } from './call.ts';
import type { CredentialKind, SourceTools } from './credential-kind.ts';
import { statusIn } from './iam-api.ts';
import { kept } from './kept.ts';
import { oauthErrorIn } from './oauth-error.ts';
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
    throw refusal('the token URL must be an https URL (http only for a loopback address)');
  }
  const known = tokenUrls[endpoint] ?? (isLoopbackUrl(endpoint) ? `${endpoint}/oauth/token` : undefined);
  if (known !== undefined) return known;
  throw refusal(
    `it is not known where tokens are exchanged in the installation of ${endpoint}; name its token URL`,
  );
}

function fileSource({ serviceAccountId, tokenFile, tokenUrl }: Kept, tools: SourceTools): IamTokenSource {
  const read = () => readTokenFile(tokenFile, tools.clock.now().wallMs);
  return {
    /** A token that was renewed while the old one was refused is not the one that was refused. */
    async exchange(signal) {
      const first = await read();
      if (!first.ok) return unreadable(first.message);
      const outcome = await exchangeToken(first.token, serviceAccountId, tokenUrl, signal, tools);
      if (outcome.ok || outcome.failure.kind !== 'terminal') return outcome;
      const second = await read();
      if (!second.ok) return unreadable(second.message);
      if (second.token.equals(first.token)) return outcome;
      return exchangeToken(second.token, serviceAccountId, tokenUrl, signal, tools);
    },
  };
}

/** Whoever renews the file may do so at any moment, without a word to us: so it is looked at again. */
function unreadable(message: string): ExchangeOutcome {
  return {
    ok: false,
    failure: { kind: 'transient', message, hint: 'look what should renew that file' },
  };
}

/** OAuth 2.0 token exchange: RFC 8693, section 2.1. */
async function exchangeToken(
  token: Secret,
  serviceAccountId: string,
  tokenUrl: string,
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
  const called = await call(
    service,
    {
      method: 'POST',
      url: tokenUrl,
      headers: { 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json' },
      body: form.toString(),
    },
    signal,
    tools,
  );
  if (!called.ok) return called;
  const outcome = outcomeOf(
    {
      service,
      errorIn: (body, status) =>
        oauthErrorIn(service, body, status, sent) ?? statusIn(service, body, status, sent, tools),
      tokenIn: (body, nowMs) => readBearerAnswer(service, body, nowMs),
    },
    called.response,
    tools.clock.now().wallMs,
  );
  return outcome.ok ? outcome : { ok: false, failure: untrusted(outcome.failure, serviceAccountId) };
}

/** The next token in the file may be trusted, or a federation be set right: so the schedule tries again. */
function untrusted(failure: ExchangeFailure, serviceAccountId: string): ExchangeFailure {
  if (failure.kind !== 'terminal') return failure;
  const hint = `look whether a workload identity federation trusts this token for ${serviceAccountId}: its issuer, audience and subject`;
  return { ...failure, hint, mayHeal: true };
}

function refusal(message: string): ProblemError {
  return new ProblemError({ code: 'bad_request', message });
}
