import { randomBytes } from 'node:crypto';
import * as v from 'valibot';
import { bearerOf } from './bearer.ts';
import { readJson } from './json-request.ts';
import { json, rpcCode, rpcStatus } from './reply.ts';
import type { Route } from './route.ts';

/** yandex.cloud/en/docs/iam/awscompatibility/api-ref/TemporaryAccessKey/createEphemeral. */
const requestSchema = v.strictObject({
  subjectId: v.exactOptional(v.pipe(v.string(), v.maxLength(50))),
  sessionName: v.pipe(v.string(), v.regex(/^[\w+=,.@-]{1,64}$/)),
  policy: v.exactOptional(v.string()),
  duration: v.exactOptional(v.pipe(v.string(), v.regex(/^\d{3,5}s$/))),
});
const shortestSeconds = 15 * 60;
const longestSeconds = 12 * 60 * 60;

/** Keys for AWS's tools, of the account that asks; they live no longer than a token does here. */
export const createEphemeralKeys: Route = {
  method: 'POST',
  path: '/iam/aws-compatibility/v1/ephemeralAccessKeys',
  answer(call, service) {
    const bearer = bearerOf(call, service);
    if (!bearer.ok) return bearer.reply;
    const request = readJson(call, requestSchema);
    if (!request.ok) return request.reply;
    const { subjectId = bearer.subject, duration = '3600s' } = request.value;
    const seconds = Number.parseInt(duration, 10);
    if (seconds < shortestSeconds || seconds > longestSeconds) {
      return rpcStatus(rpcCode.invalidArgument, 'Illegal argument: duration');
    }
    if (subjectId !== bearer.subject) return rpcStatus(rpcCode.permissionDenied, 'Permission denied');
    const { token, expiresAtMs } = service.issue(subjectId);
    return json({
      accessKeyId: `YCE${randomBytes(16).toString('hex')}`,
      secret: `YCM${randomBytes(32).toString('base64url')}`,
      sessionToken: `s1.${token}`,
      expiresAt: new Date(Math.min(service.nowMs() + seconds * 1_000, expiresAtMs)).toISOString(),
    });
  },
};
