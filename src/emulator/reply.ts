import { randomUUID } from 'node:crypto';

/** An answer as a route gives it; the server adds `date` and `content-length`. */
export interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export function text(status: number, type: string, body: string): Reply {
  return { status, headers: { 'content-type': type }, body };
}

export function json(value: unknown, status = 200): Reply {
  return text(status, 'application/json', JSON.stringify(value));
}

/** By google.rpc.Code, from 0 on: as IAM's gateway does it; the rest by google/rpc/code.proto. */
const httpStatuses = [200, 499, 500, 400, 504, 404, 409, 403, 429, 400, 409, 400, 501, 500, 503, 500, 401];

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

/** Thrown by a route, or by what it asks: the answer is this one. */
export class Refusal extends Error {
  readonly reply: Reply;

  constructor(reply: Reply) {
    super(reply.body);
    this.reply = reply;
  }
}

export function refusal(code: number, message: string): Refusal {
  return new Refusal(rpcStatus(code, message));
}
