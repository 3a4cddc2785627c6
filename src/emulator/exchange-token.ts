import { isSignedByRs256, parseJwt } from './jwt.ts';
import { json, type Reply } from './reply.ts';
import type { Call, Route, Service } from './route.ts';

/** What each field must be (RFC 8693, section 2.1); `null`: anything. */
const fields: Readonly<Record<string, string | null>> = {
  grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
  requested_token_type: 'urn:ietf:params:oauth:token-type:access_token',
  audience: null,
  subject_token: null,
  subject_token_type: 'urn:ietf:params:oauth:token-type:id_token',
};

/** An IAM token of a service account for an OIDC token that a federation trusts; another host of the real service. */
export const exchangeToken: Route = {
  method: 'POST',
  path: '/oauth/token',
  answer(call, service) {
    const form = formOf(call);
    if (typeof form === 'string') return refused('invalid_request', form);
    if (form.get('grant_type') !== fields['grant_type'])
      return refused('unsupported_grant_type', 'grant_type');
    for (const [name, wanted] of Object.entries(fields)) {
      const value = form.get(name);
      if (value === undefined || value === '') return refused('invalid_request', `${name} is missing`);
      if (wanted !== null && value !== wanted) return refused('invalid_request', `${name} is wrong`);
    }
    return tokenFor(form.get('subject_token') ?? '', form.get('audience') ?? '', service);
  },
};

function tokenFor(subjectToken: string, serviceAccountId: string, service: Service): Reply {
  const jwt = parseJwt(subjectToken);
  if (jwt === null) return refused('invalid_request', 'subject_token is no JWT');
  const { iss, aud, sub, exp } = jwt.claims;
  const audiences: readonly unknown[] = Array.isArray(aud) ? aud : [aud];
  const trusted = service.federations
    .of(iss, serviceAccountId)
    .find(({ audience, externalSubject }) => audiences.includes(audience) && externalSubject === sub);
  if (trusted === undefined) return refused('invalid_target', 'no federated credential matches the token');
  if (jwt.header['alg'] !== 'RS256' || !isSignedByRs256(jwt, trusted.publicKey)) {
    return refused('invalid_grant', 'the signature of the token is wrong');
  }
  if (typeof exp !== 'number' || exp * 1_000 <= service.nowMs()) {
    return refused('invalid_grant', 'the token has expired');
  }
  const { token, expiresAtMs } = service.issue(serviceAccountId);
  return json({
    access_token: token,
    token_type: 'Bearer',
    expires_in: Math.floor((expiresAtMs - service.nowMs()) / 1_000),
    issued_token_type: fields['requested_token_type'],
  });
}

/** Each field once, and none that is not known. */
function formOf({ headers, body }: Call): ReadonlyMap<string, string> | string {
  if (!/^application\/x-www-form-urlencoded\s*(?:;|$)/i.test(headers['content-type'] ?? '')) {
    return 'Content-Type must be application/x-www-form-urlencoded';
  }
  const form = new Map<string, string>();
  for (const [name, value] of new URLSearchParams(body)) {
    if (fields[name] === undefined) return 'a field is not known';
    if (form.has(name)) return `${name} is given twice`;
    form.set(name, value);
  }
  return form;
}

/** RFC 6749, section 5.2. */
function refused(error: string, description: string): Reply {
  return json({ error, error_description: description }, 400);
}
