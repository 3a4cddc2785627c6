/** The two other services that issue IAM tokens, each at its own host in production, with responses of RFC 6749. */
import type { IamService } from '../iam-service.ts';
import { hasValidRs256Signature, parseJwt } from '../jwt.ts';
import { jsonResponse, RouteError, textResponse } from '../route-response.ts';
import type { RouteRequest, Route } from './route.ts';

/** The metadata service of a VM: 404 without an attached service account, 403 without its header. */
const metadataToken: Route = {
  method: 'GET',
  path: '/computeMetadata/v1/instance/service-accounts/default/token',
  respond({ headers }, service) {
    if (headers['metadata-flavor'] !== 'Google') {
      return textResponse(403, 'text/plain', 'Metadata-Flavor: Google is required');
    }
    const serviceAccountId = service.attachedServiceAccountId;
    return serviceAccountId === null
      ? textResponse(404, 'text/plain', 'Not Found')
      : jsonResponse(issueBearerToken(serviceAccountId, service));
  },
};

/** The required value of each field (RFC 8693, section 2.1); `null` allows any. */
const expectedFields: Readonly<Record<string, string | null>> = {
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
  respond(request, service) {
    const form = parseForm(request);
    const audience = form.get('audience') ?? '';
    verifySubjectToken(form.get('subject_token') ?? '', audience, service);
    return jsonResponse({
      ...issueBearerToken(audience, service),
      issued_token_type: expectedFields['requested_token_type'],
    });
  },
};

export const bearerRoutes: readonly Route[] = [metadataToken, exchangeToken];

function issueBearerToken(serviceAccountId: string, service: IamService): object {
  const { token, expiresAtMs } = service.issueToken(serviceAccountId);
  const expiresIn = Math.floor((expiresAtMs - service.nowMs()) / 1_000);
  return { access_token: token, expires_in: expiresIn, token_type: 'Bearer' };
}

/**
 * Requires each known field once, and no other.
 * @throws RouteError
 */
function parseForm({ headers, body }: RouteRequest): ReadonlyMap<string, string> {
  if (!/^application\/x-www-form-urlencoded\s*(?:;|$)/i.test(headers['content-type'] ?? '')) {
    throw oauthError('invalid_request', 'Content-Type must be application/x-www-form-urlencoded');
  }
  const form = new Map<string, string>();
  for (const [name, value] of new URLSearchParams(body)) {
    if (expectedFields[name] === undefined) throw oauthError('invalid_request', 'a field is unknown');
    if (form.has(name)) throw oauthError('invalid_request', `${name} is given twice`);
    form.set(name, value);
  }
  if (form.get('grant_type') !== expectedFields['grant_type'])
    throw oauthError('unsupported_grant_type', 'grant_type');
  for (const [name, expected] of Object.entries(expectedFields)) {
    const value = form.get(name) ?? '';
    if (value === '') throw oauthError('invalid_request', `${name} is missing`);
    if (expected !== null && value !== expected) throw oauthError('invalid_request', `${name} is wrong`);
  }
  return form;
}

/** @throws RouteError unless a federation trusts the token for the service account */
function verifySubjectToken(subjectToken: string, serviceAccountId: string, service: IamService): void {
  const jwt = parseJwt(subjectToken);
  if (jwt === null) throw oauthError('invalid_request', 'subject_token is not a JWT');
  const { iss, aud, sub, exp } = jwt.claims;
  const audiences: readonly unknown[] = Array.isArray(aud) ? aud : [aud];
  const matchingFederation = service.federations.find(
    (federation) =>
      federation.issuer === iss &&
      federation.externalSubject === sub &&
      federation.serviceAccountId === serviceAccountId &&
      audiences.includes(federation.audience),
  );
  if (matchingFederation === undefined)
    throw oauthError('invalid_target', 'no federated credential matches the token');
  if (jwt.header['alg'] !== 'RS256' || !hasValidRs256Signature(jwt, matchingFederation.publicKey)) {
    throw oauthError('invalid_grant', 'the signature of the token is wrong');
  }
  if (typeof exp !== 'number' || exp * 1_000 <= service.nowMs()) {
    throw oauthError('invalid_grant', 'the token has expired');
  }
}

/** RFC 6749, section 5.2. */
function oauthError(error: string, description: string): RouteError {
  return new RouteError(jsonResponse({ error, error_description: description }, 400));
}
