import { randomUUID } from 'node:crypto';

/** The response of a route; the server adds `date` and `content-length`. */
export interface RouteResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export function textResponse(status: number, type: string, body: string): RouteResponse {
  return { status, headers: { 'content-type': type }, body };
}

export function jsonResponse(value: unknown, status = 200): RouteResponse {
  return textResponse(status, 'application/json', JSON.stringify(value));
}

/** HTTP status by google.rpc.Code from 0 on: of IAM's gateway, and otherwise of google/rpc/code.proto. */
const httpStatusByRpcCode = [
  200, 499, 500, 400, 504, 404, 409, 403, 429, 400, 409, 400, 501, 500, 503, 500, 401,
];

/** The codes in use (google/rpc/code.proto). */
export const rpcCode = {
  invalidArgument: 3,
  notFound: 5,
  permissionDenied: 7,
  resourceExhausted: 8,
  unimplemented: 12,
  unavailable: 14,
  unauthenticated: 16,
} as const;

/** A google.rpc.Status, the format of every error of IAM. */
export function rpcErrorResponse(
  code: number,
  message: string,
  httpStatus = httpStatusByRpcCode[code] ?? 500,
): RouteResponse {
  const requestId = randomUUID();
  const requestInfo = { '@type': 'type.googleapis.com/google.rpc.RequestInfo', requestId };
  const response = jsonResponse({ code, message, details: [requestInfo] }, httpStatus);
  return { ...response, headers: { ...response.headers, 'x-request-id': requestId } };
}

/** Thrown to send `response` instead of the normal response. */
export class RouteError extends Error {
  readonly response: RouteResponse;

  constructor(response: RouteResponse) {
    super(response.body);
    this.response = response;
  }
}

export function rpcError(code: number, message: string): RouteError {
  return new RouteError(rpcErrorResponse(code, message));
}
