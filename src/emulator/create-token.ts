import * as v from 'valibot';
import { admitJwt } from './admit-jwt.ts';
import { readJson } from './json-request.ts';
import { json, rpcCode, rpcStatus } from './reply.ts';
import type { Route } from './route.ts';

/** Both limits: yandex.cloud/en/docs/iam/api-ref/IamToken/create. An empty field is as none, as in protobuf. */
const requestSchema = v.strictObject({
  yandexPassportOauthToken: v.optional(v.pipe(v.string(), v.maxLength(4_000)), ''),
  jwt: v.optional(v.pipe(v.string(), v.maxLength(8_000)), ''),
});

/** An IAM token for an OAuth token, or for a JWT that an authorized key signed. */
export const createToken: Route = {
  method: 'POST',
  path: '/iam/v1/tokens',
  answer(call, service) {
    const request = readJson(call, requestSchema);
    if (!request.ok) return request.reply;
    const { yandexPassportOauthToken, jwt } = request.value;
    if ((yandexPassportOauthToken === '') === (jwt === '')) {
      return rpcStatus(
        rpcCode.invalidArgument,
        "Exactly one of 'yandexPassportOauthToken' and 'jwt' should be specified",
      );
    }
    const admission = jwt === '' ? service.accounts.admit(yandexPassportOauthToken) : admitJwt(jwt, service);
    if (!admission.ok) return admission.reply;
    const { token, expiresAt } = service.issue(admission.subject);
    return json({ iamToken: token, expiresAt });
  },
};
