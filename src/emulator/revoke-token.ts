import * as v from 'valibot';
import { bearerOf } from './bearer.ts';
import { readJson } from './json-request.ts';
import { json, rpcCode, rpcStatus } from './reply.ts';
import type { Route } from './route.ts';

/** yandex.cloud/en/docs/iam/api-ref/IamToken/revoke. */
const requestSchema = v.strictObject({ iamToken: v.pipe(v.string(), v.nonEmpty(), v.maxLength(4_096)) });

/** The end of an IAM token before its time, at the wish of its own subject. */
export const revokeToken: Route = {
  method: 'POST',
  path: '/iam/v1/tokens:revoke',
  answer(call, service) {
    const bearer = bearerOf(call, service);
    if (!bearer.ok) return bearer.reply;
    const request = readJson(call, requestSchema);
    if (!request.ok) return request.reply;
    const { iamToken } = request.value;
    const subjectId = service.mint.subjectOf(iamToken, service.nowMs());
    if (subjectId === null) return rpcStatus(rpcCode.invalidArgument, 'Illegal argument: iamToken');
    if (subjectId !== bearer.subject) return rpcStatus(rpcCode.permissionDenied, 'Permission denied');
    service.revoke(iamToken);
    return json({ subjectId });
  },
};
