import { randomUUID } from 'node:crypto';

/** An answer as a route gives it; the server adds `date` and `content-length`. */
export interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export function json(value: unknown, status = 200): Reply {
  return { status, headers: { 'content-type': 'application/json' }, body: JSON.stringify(value) };
}

/** google.rpc.Code to HTTP, as IAM's gateway does it; the rest by google/rpc/code.proto. */
const httpStatuses: Readonly<Record<number, number>> = {
  1: 499,
  3: 400,
  4: 504,
  5: 404,
  6: 409,
  7: 403,
  8: 429,
  9: 400,
  10: 409,
  11: 400,
  12: 501,
  14: 503,
  16: 401,
};

/** Those that the routes use: google/rpc/code.proto. */
export const rpcCode = {
  invalidArgument: 3,
  notFound: 5,
  permissionDenied: 7,
  resourceExhausted: 8,
  unimplemented: 12,
  unavailable: 14,
  unauthenticated: 16,
} as const;

/** A google.rpc.Status, as IAM answers every error. */
export function rpcStatus(code: number, message: string, httpStatus = httpStatuses[code] ?? 500): Reply {
  const requestId = randomUUID();
  const requestInfo = { '@type': 'type.googleapis.com/google.rpc.RequestInfo', requestId };
  const reply = json({ code, message, details: [requestInfo] }, httpStatus);
  return { ...reply, headers: { ...reply.headers, 'x-request-id': requestId } };
}
