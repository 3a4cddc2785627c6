/** The two other services that give IAM tokens: each at a host of its own there, with the answer of RFC 6749. */
import type { IamService } from './iam-service.ts';
import { isSignedByRs256, parseJwt } from './jwt.ts';
import { json, Refusal, text } from './reply.ts';
import type { Call, Route } from './route.ts';

/** A VM's own: 404 where no service account is attached, and nothing without the header that no web page can send. */
const metadataToken: Route = {
  method: 'GET',
  path: '/computeMetadata/v1/instance/service-accounts/default/token',
  answer({ headers }, service) {
    if (headers['metadata-flavor'] !== 'Google') {
      return text(403, 'text/plain', 'Metadata-Flavor: Google is required');
    }
    const serviceAccountId = service.attachedServiceAccount;
    return serviceAccountId === null
      ? text(404, 'text/plain', 'Not Found')
      : json(bearerFor(serviceAccountId, service));
  },
};

/** What each field must be (RFC 8693, section 2.1); `null`: anything. */
const fields: Readonly<Record<string, string | null>> = {
  grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
  requested_token_type: 'urn:ietf:params:oauth:token-type:access_token',
  audience: null,
  subject_token: null,
  subject_token_type: 'urn:ietf:params:oauth:token-type:id_token',
};

/** An IAM token of a service account for an OIDC token that a federation trusts. */
const exchangeToken: Route = {
  method: 'POST',
  path: '/oauth/token',
  answer(call, service) {
    const form = formOf(call);
    const audience = form.get('audience') ?? '';
    admit(form.get('subject_token') ?? '', audience, service);
    return json({
      ...bearerFor(audience, service),
      issued_token_type: fields['requested_token_type'],
    });
  },
};

export const bearerRoutes: readonly Route[] = [metadataToken, exchangeToken];

function bearerFor(serviceAccountId: string, service: IamService): object {
  const { token, expiresAtMs } = service.issue(serviceAccountId);
  const expiresIn = Math.floor((expiresAtMs - service.nowMs()) / 1_000);
  return { access_token: token, expires_in: expiresIn, token_type: 'Bearer' };
}

/**
 * Each field once, and none that is not known.
 * @throws Refusal
 */
function formOf({ headers, body }: Call): ReadonlyMap<string, string> {
  if (!/^application\/x-www-form-urlencoded\s*(?:;|$)/i.test(headers['content-type'] ?? '')) {
    throw refused('invalid_request', 'Content-Type must be application/x-www-form-urlencoded');
  }
  const form = new Map<string, string>();
  for (const [name, value] of new URLSearchParams(body)) {
    if (fields[name] === undefined) throw refused('invalid_request', 'a field is not known');
    if (form.has(name)) throw refused('invalid_request', `${name} is given twice`);
    form.set(name, value);
  }
  if (form.get('grant_type') !== fields['grant_type']) throw refused('unsupported_grant_type', 'grant_type');
  for (const [name, wanted] of Object.entries(fields)) {
    const value = form.get(name) ?? '';
    if (value === '') throw refused('invalid_request', `${name} is missing`);
    if (wanted !== null && value !== wanted) throw refused('invalid_request', `${name} is wrong`);
  }
  return form;
}

/** @throws Refusal unless a federation trusts the token for that account */
function admit(subjectToken: string, serviceAccountId: string, service: IamService): void {
  const jwt = parseJwt(subjectToken);
  if (jwt === null) throw refused('invalid_request', 'subject_token is no JWT');
  const { iss, aud, sub, exp } = jwt.claims;
  const audiences: readonly unknown[] = Array.isArray(aud) ? aud : [aud];
  const trusted = service.federations.find(
    (federation) =>
      federation.issuer === iss &&
      federation.externalSubject === sub &&
      federation.serviceAccountId === serviceAccountId &&
      audiences.includes(federation.audience),
  );
  if (trusted === undefined) throw refused('invalid_target', 'no federated credential matches the token');
  if (jwt.header['alg'] !== 'RS256' || !isSignedByRs256(jwt, trusted.publicKey)) {
    throw refused('invalid_grant', 'the signature of the token is wrong');
  }
  if (typeof exp !== 'number' || exp * 1_000 <= service.nowMs()) {
    throw refused('invalid_grant', 'the token has expired');
  }
}

/** RFC 6749, section 5.2. */
function refused(error: string, description: string): Refusal {
  return new Refusal(json({ error, error_description: description }, 400));
}
