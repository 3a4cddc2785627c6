/** The IAM API, and the one call of another that shows what its tokens are for. */
import { randomBytes } from 'node:crypto';
import * as v from 'valibot';
import { isoTime } from '../shared/clock.ts';
import type { IamService } from './iam-service.ts';
import { subjectOfJwt } from './jwt.ts';
import { json, refusal, rpcCode } from './reply.ts';
import type { Call, Route } from './route.ts';

/** An empty field is as none, as in protobuf. */
const text = (longest: number) => v.optional(v.pipe(v.string(), v.maxLength(longest)), '');
const requiredText = (longest: number) => v.pipe(v.string(), v.nonEmpty(), v.maxLength(longest));

/** yandex.cloud/en/docs/iam/api-ref/IamToken/create. */
const createTokenSchema = v.strictObject({ yandexPassportOauthToken: text(4_000), jwt: text(8_000) });

/** An IAM token for an OAuth token, or for a JWT that an authorized key signed. */
const createToken: Route = {
  method: 'POST',
  path: '/iam/v1/tokens',
  answer(call, service) {
    const { yandexPassportOauthToken, jwt } = readJson(call, createTokenSchema);
    if ((yandexPassportOauthToken === '') === (jwt === '')) {
      throw refusal(
        rpcCode.invalidArgument,
        "Exactly one of 'yandexPassportOauthToken' and 'jwt' should be specified",
      );
    }
    const subject =
      jwt === '' ? service.subjectOfOauthToken(yandexPassportOauthToken) : subjectOfJwt(jwt, service);
    const { token, expiresAt } = service.issue(subject);
    return json({ iamToken: token, expiresAt });
  },
};

/** yandex.cloud/en/docs/iam/api-ref/IamToken/createForServiceAccount. */
const createTokenForServiceAccountSchema = v.strictObject({ serviceAccountId: requiredText(50) });

/** An IAM token of a service account, for whoever may act as it. */
const createTokenForServiceAccount: Route = {
  method: 'POST',
  path: '/iam/v1/tokens:createForServiceAccount',
  answer(call, service) {
    const caller = callerOf(call, service);
    const { serviceAccountId } = readJson(call, createTokenForServiceAccountSchema);
    if (!service.mayActAs(caller, serviceAccountId)) throw notPermitted();
    const { token, expiresAt } = service.issue(serviceAccountId);
    return json({ iamToken: token, expiresAt });
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

/** Keys for AWS's tools, of the account that asks; they live no longer than a token does here. */
const createEphemeralKeys: Route = {
  method: 'POST',
  path: '/iam/aws-compatibility/v1/ephemeralAccessKeys',
  answer(call, service) {
    const caller = callerOf(call, service);
    const { subjectId = caller, duration } = readJson(call, createEphemeralKeysSchema);
    if (subjectId !== caller) throw notPermitted();
    const { token, expiresAtMs } = service.issue(subjectId);
    return json({
      accessKeyId: `YCE${randomBytes(16).toString('hex')}`,
      secret: `YCM${randomBytes(32).toString('base64url')}`,
      sessionToken: `s1.${token}`,
      expiresAt: isoTime(Math.min(service.nowMs() + duration * 1_000, expiresAtMs)),
    });
  },
};

/** yandex.cloud/en/docs/iam/api-ref/IamToken/revoke. */
const revokeTokenSchema = v.strictObject({ iamToken: requiredText(4_096) });

/** The end of an IAM token before its time, at the wish of its own subject. */
const revokeToken: Route = {
  method: 'POST',
  path: '/iam/v1/tokens:revoke',
  answer(call, service) {
    const caller = callerOf(call, service);
    const { iamToken } = readJson(call, revokeTokenSchema);
    const subjectId = service.subjectOf(iamToken);
    if (subjectId === null) throw refusal(rpcCode.invalidArgument, 'Illegal argument: iamToken');
    if (subjectId !== caller) throw notPermitted();
    service.revokeIamToken(iamToken);
    return json({ subjectId });
  },
};

const organizationId = 'bpfemulator000000001';
const clouds = [
  { id: 'b1gemulator000000001', createdAt: '2024-03-01T09:00:00Z', name: 'demo', organizationId },
  { id: 'b1gemulator000000002', createdAt: '2025-07-15T12:30:00Z', name: 'demo-staging', organizationId },
];

/** The request with which the documentation shows what an IAM token is for. */
const listClouds: Route = {
  method: 'GET',
  path: '/resource-manager/v1/clouds',
  isSpared: true,
  answer(call, service) {
    callerOf(call, service);
    return json({ clouds });
  },
};

export const iamRoutes: readonly Route[] = [
  createToken,
  createTokenForServiceAccount,
  createEphemeralKeys,
  revokeToken,
  listClouds,
];

/**
 * Whoever calls, by the IAM token of the request's header.
 * @throws Refusal
 */
function callerOf({ headers }: Call, service: IamService): string {
  const token = /^Bearer (\S+)$/i.exec(headers.authorization ?? '')?.[1] ?? '';
  const subject = service.subjectOf(token);
  if (subject === null) throw refusal(rpcCode.unauthenticated, 'Token is invalid or has expired.');
  return subject;
}

function notPermitted() {
  return refusal(rpcCode.permissionDenied, 'Permission denied');
}

/**
 * Reads a body as strictly as IAM does: JSON by its content type, an object, no field that is not known.
 * @throws Refusal
 */
function readJson<T>({ headers, body }: Call, schema: v.GenericSchema<unknown, T>): T {
  if (!/^application\/json\s*(?:;|$)/i.test(headers['content-type'] ?? '')) {
    throw refusal(rpcCode.invalidArgument, 'Content-Type must be application/json');
  }
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    throw refusal(rpcCode.invalidArgument, 'The request body is not valid JSON');
  }
  // An array is an object to valibot.
  const parsed = v.safeParse(schema, Array.isArray(value) ? null : value);
  if (parsed.success) return parsed.output;
  // Not the message of valibot's own: it would quote what it was given, and that may be a secret.
  const fields = new Set(parsed.issues.map((issue) => v.getDotPath(issue) ?? 'the request body'));
  throw refusal(rpcCode.invalidArgument, `Illegal argument: ${[...fields].join(', ')}`);
}
