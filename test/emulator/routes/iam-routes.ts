/** The IAM API, and one method of the resource manager that accepts its tokens. */
import { randomBytes } from 'node:crypto';
import * as v from 'valibot';
import { formatIsoTime } from '../../../src/shared/clock.ts';
import { type AccountType, accountTypeOf } from '../accounts.ts';
import type { IamService } from '../iam-service.ts';
import { authenticateJwt } from '../jwt.ts';
import { jsonResponse, type RouteResponse, rpcError, rpcCode } from '../route-response.ts';
import type { RouteRequest, Route } from './route.ts';

/** An empty field counts as missing, as in protobuf. */
const optionalString = (maxLength: number) => v.optional(v.pipe(v.string(), v.maxLength(maxLength)), '');
const requiredString = (maxLength: number) => v.pipe(v.string(), v.nonEmpty(), v.maxLength(maxLength));

/** yandex.cloud/en/docs/iam/api-ref/IamToken/create. */
const createTokenSchema = v.strictObject({
  yandexPassportOauthToken: optionalString(4_000),
  jwt: optionalString(8_000),
});

/** Exchanges an OAuth token, or a JWT signed by an authorized key. */
const createToken: Route = {
  method: 'POST',
  path: '/iam/v1/tokens',
  respond(request, service) {
    const { yandexPassportOauthToken, jwt } = parseJsonBody(request, createTokenSchema);
    if ((yandexPassportOauthToken === '') === (jwt === '')) {
      throw rpcError(
        rpcCode.invalidArgument,
        "Exactly one of 'yandexPassportOauthToken' and 'jwt' should be specified",
      );
    }
    const { subject, keyId } =
      jwt === ''
        ? { subject: service.authenticateOauthToken(yandexPassportOauthToken), keyId: undefined }
        : authenticateJwt(jwt, service);
    const { token, expiresAt } = service.issueToken(subject, keyId);
    return jsonResponse({ iamToken: token, expiresAt });
  },
};

/** yandex.cloud/en/docs/iam/api-ref/IamToken/createForServiceAccount. */
const createTokenForServiceAccountSchema = v.strictObject({ serviceAccountId: requiredString(50) });

/** Issues a token of a service account that the caller may impersonate. */
const createTokenForServiceAccount: Route = {
  method: 'POST',
  path: '/iam/v1/tokens:createForServiceAccount',
  respond(request, service) {
    const caller = authenticateCaller(request, service);
    const { serviceAccountId } = parseJsonBody(request, createTokenForServiceAccountSchema);
    if (!service.canImpersonate(caller, serviceAccountId)) throw permissionDeniedError();
    const { token, expiresAt } = service.issueToken(serviceAccountId);
    return jsonResponse({ iamToken: token, expiresAt });
  },
};

/** yandex.cloud/en/docs/iam/awscompatibility/api-ref/TemporaryAccessKey/createEphemeral. */
const createEphemeralKeysSchema = v.strictObject({
  subjectId: v.exactOptional(v.pipe(v.string(), v.maxLength(50))),
  sessionName: v.pipe(v.string(), v.regex(/^[\w+=,.@-]{1,64}$/)),
  policy: v.exactOptional(v.string()),
  duration: v.optional(
    v.pipe(
      v.string(),
      v.regex(/^\d{3,5}s$/),
      v.transform((duration) => Number.parseInt(duration, 10)),
      v.minValue(15 * 60),
      v.maxValue(12 * 60 * 60),
    ),
    '3600s',
  ),
});

/** Issues keys for AWS tools to the caller, valid at most as long as a token. */
const createEphemeralKeys: Route = {
  method: 'POST',
  path: '/iam/aws-compatibility/v1/ephemeralAccessKeys',
  respond(request, service) {
    const caller = authenticateCaller(request, service);
    const { subjectId = caller, duration } = parseJsonBody(request, createEphemeralKeysSchema);
    if (subjectId !== caller) throw permissionDeniedError();
    const { token, expiresAtMs } = service.issueToken(subjectId);
    return jsonResponse({
      accessKeyId: `YCE${randomBytes(16).toString('hex')}`,
      secret: `YCM${randomBytes(32).toString('base64url')}`,
      sessionToken: `s1.${token}`,
      expiresAt: formatIsoTime(Math.min(service.nowMs() + duration * 1_000, expiresAtMs)),
    });
  },
};

/** yandex.cloud/en/docs/iam/api-ref/IamToken/revoke. */
const revokeTokenSchema = v.strictObject({ iamToken: requiredString(4_096) });

/** Revokes an IAM token of the caller. */
const revokeToken: Route = {
  method: 'POST',
  path: '/iam/v1/tokens:revoke',
  respond(request, service) {
    const caller = authenticateCaller(request, service);
    const { iamToken } = parseJsonBody(request, revokeTokenSchema);
    const subjectId = service.subjectOfValidToken(iamToken);
    if (subjectId === null) throw rpcError(rpcCode.invalidArgument, 'Illegal argument: iamToken');
    if (subjectId !== caller) throw permissionDeniedError();
    service.revokeIamToken(iamToken);
    return jsonResponse({ subjectId });
  },
};

/** yandex.cloud/en/docs/iam/api-ref/ServiceAccount/get. */
const getServiceAccount: Route = {
  method: 'GET',
  path: '/iam/v1/serviceAccounts/{id}',
  respond: (request, service) => respondWithAccount(request, service, 'serviceAccount'),
};

/** yandex.cloud/en/docs/iam/api-ref/UserAccount/get. */
const getUserAccount: Route = {
  method: 'GET',
  path: '/iam/v1/userAccounts/{id}',
  respond: (request, service) => respondWithAccount(request, service, 'userAccount'),
};

/** @throws RouteError */
function respondWithAccount(request: RouteRequest, service: IamService, type: AccountType): RouteResponse {
  authenticateCaller(request, service);
  const { id } = request;
  const description = service.findAccountDescription(id);
  if (description === undefined) throw permissionDeniedError();
  if (accountTypeOf(description) !== type) throw rpcError(rpcCode.notFound, `${type} ${id} not found`);
  return jsonResponse({ id, ...description });
}

const organizationId = 'bpfemulator000000001';
const clouds = [
  { id: 'b1gemulator000000001', createdAt: '2024-03-01T09:00:00Z', name: 'demo', organizationId },
  { id: 'b1gemulator000000002', createdAt: '2025-07-15T12:30:00Z', name: 'demo-staging', organizationId },
];

/** The example of the documentation for the use of an IAM token. */
const listClouds: Route = {
  method: 'GET',
  path: '/resource-manager/v1/clouds',
  isFaultExempt: true,
  respond(request, service) {
    authenticateCaller(request, service);
    return jsonResponse({ clouds });
  },
};

export const iamRoutes: readonly Route[] = [
  createToken,
  createTokenForServiceAccount,
  createEphemeralKeys,
  revokeToken,
  getServiceAccount,
  getUserAccount,
  listClouds,
];

/**
 * The subject of the IAM token in the request header.
 * @throws RouteError
 */
export function authenticateCaller({ headers }: RouteRequest, service: IamService): string {
  const token = /^Bearer (\S+)$/i.exec(headers.authorization ?? '')?.[1] ?? '';
  const subject = service.subjectOfValidToken(token);
  if (subject === null) throw rpcError(rpcCode.unauthenticated, 'Token is invalid or has expired.');
  return subject;
}

export function permissionDeniedError() {
  return rpcError(rpcCode.permissionDenied, 'Permission denied');
}

/**
 * As strict as IAM: requires the JSON content type, an object, and only known fields.
 * @throws RouteError
 */
export function parseJsonBody<T>({ headers, body }: RouteRequest, schema: v.GenericSchema<unknown, T>): T {
  if (!/^application\/json\s*(?:;|$)/i.test(headers['content-type'] ?? '')) {
    throw rpcError(rpcCode.invalidArgument, 'Content-Type must be application/json');
  }
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    throw rpcError(rpcCode.invalidArgument, 'The request body is not valid JSON');
  }
  // valibot accepts an array as an object.
  const parsed = v.safeParse(schema, Array.isArray(value) ? null : value);
  if (parsed.success) return parsed.output;
  // valibot's own message quotes the value, which may be a secret.
  const fields = new Set(parsed.issues.map((issue) => v.getDotPath(issue) ?? 'the request body'));
  throw rpcError(rpcCode.invalidArgument, `Illegal argument: ${[...fields].join(', ')}`);
}
