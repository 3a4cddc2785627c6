import { type Reply, rpcCode, rpcStatus } from './reply.ts';
import type { Call, Service } from './route.ts';

export type Bearer =
  | { readonly ok: true; readonly token: string; readonly subject: string }
  | { readonly ok: false; readonly reply: Reply };

/** Whoever calls, by the IAM token of the request's header. */
export function bearerOf({ headers }: Call, service: Service): Bearer {
  const token = /^Bearer (\S+)$/i.exec(headers.authorization ?? '')?.[1];
  const subject = token === undefined ? null : service.mint.subjectOf(token, service.nowMs());
  return token === undefined || subject === null
    ? { ok: false, reply: rpcStatus(rpcCode.unauthenticated, 'Token is invalid or has expired.') }
    : { ok: true, token, subject };
}
