import * as v from 'valibot';
import { bearerOf } from './bearer.ts';
import { readJson } from './json-request.ts';
import { json, rpcCode, rpcStatus } from './reply.ts';
import type { Route } from './route.ts';

/** yandex.cloud/en/docs/iam/api-ref/IamToken/createForServiceAccount. */
const requestSchema = v.strictObject({
  serviceAccountId: v.pipe(v.string(), v.nonEmpty(), v.maxLength(50)),
});

/** An IAM token of a service account, for whoever may act as it. */
export const createTokenForServiceAccount: Route = {
  method: 'POST',
  path: '/iam/v1/tokens:createForServiceAccount',
  answer(call, service) {
    const bearer = bearerOf(call, service);
    if (!bearer.ok) return bearer.reply;
    const request = readJson(call, requestSchema);
    if (!request.ok) return request.reply;
    const { serviceAccountId } = request.value;
    if (!service.serviceAccounts.mayActAs(bearer.subject, serviceAccountId)) {
      return rpcStatus(rpcCode.permissionDenied, 'Permission denied');
    }
    const { token, expiresAt } = service.issue(serviceAccountId);
    return json({ iamToken: token, expiresAt });
  },
};
