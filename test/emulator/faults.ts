import type { ServerResponse } from 'node:http';
import * as v from 'valibot';
import {
  jsonResponse,
  type RouteResponse,
  rpcCode,
  rpcErrorResponse,
  textResponse,
} from './route-response.ts';

const nonNegativeInteger = v.pipe(v.number(), v.integer(), v.minValue(0));
const rpcCodeSchema = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(16));

const faultSchema = v.variant('kind', [
  v.strictObject({
    kind: v.picklist([
      'unavailable',
      'html',
      'redirect',
      'empty',
      'huge',
      'junk',
      'array',
      'hang',
      'hang_in_body',
    ]),
  }),
  v.strictObject({ kind: v.literal('too_many_requests'), retryAfter: v.optional(v.string(), '30') }),
  /** The normal response, reset after `atByte` bytes of its body or of the whole response. */
  v.strictObject({
    kind: v.literal('cut'),
    atByte: v.optional(nonNegativeInteger, 10),
    of: v.optional(v.picklist(['body', 'answer']), 'body'),
  }),
  /** The normal response with these fields changed; `null` removes a field. */
  v.strictObject({ kind: v.literal('changed'), fields: v.record(v.string(), v.nullable(v.string())) }),
  /** An error of IAM, by default with the matching HTTP status. */
  v.strictObject({
    kind: v.literal('status'),
    code: rpcCodeSchema,
    message: v.string(),
    httpStatus: v.optional(v.pipe(v.number(), v.integer(), v.minValue(200), v.maxValue(599))),
  }),
]);

/** A fault of the service. */
export type Fault = v.InferInput<typeof faultSchema>;
/** With every default filled in. */
export type NormalizedFault = v.InferOutput<typeof faultSchema>;

const faultSettingsSchema = v.strictObject({
  fault: v.nullable(
    v.pipe(
      v.union([v.string(), v.looseObject({})]),
      v.transform((fault) => (typeof fault === 'string' ? { kind: fault } : fault)),
      faultSchema,
    ),
  ),
  /** The number of affected requests; all until the fault is switched off, unless given. */
  count: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1)), Number.MAX_SAFE_INTEGER),
});

/**
 * Reads `{"fault": …, "count": …}`: an object, a kind, or `null` for no fault.
 * @throws TypeError
 */
export function parseFaultSettings(value: unknown): v.InferOutput<typeof faultSettingsSchema> {
  const parsed = v.safeParse(faultSettingsSchema, value);
  if (parsed.success) return parsed.output;
  throw new TypeError(parsed.issues.map((issue) => `${v.getDotPath(issue)}: ${issue.message}`).join('; '));
}

/** How a response, or a part of it, is sent. */
export interface Delivery {
  /** `null` if no response is sent. */
  readonly status: number | null;
  send(response: ServerResponse): void;
}

/** @param routeResponse the response without the fault */
export function applyFault(fault: NormalizedFault, routeResponse: RouteResponse): Delivery {
  switch (fault.kind) {
    case 'unavailable':
      return createDelivery(rpcErrorResponse(rpcCode.unavailable, 'upstream connect error or disconnect'));
    case 'too_many_requests': {
      const limitResponse = rpcErrorResponse(rpcCode.resourceExhausted, 'The limit on requests was exceeded');
      return createDelivery({
        ...limitResponse,
        headers: { ...limitResponse.headers, 'retry-after': fault.retryAfter },
      });
    }
    case 'status':
      return createDelivery(rpcErrorResponse(fault.code, fault.message, fault.httpStatus));
    // As sent by proxies.
    case 'html':
      return createDelivery(
        textResponse(403, 'text/html', '<!doctype html><title>403</title><h1>Forbidden by the proxy</h1>'),
      );
    case 'redirect':
      return createDelivery({ status: 302, headers: { location: 'http://login.hotel.example/' }, body: '' });
    case 'empty':
      return createDelivery(textResponse(200, 'application/json', ''));
    // A token of 10 MB.
    case 'huge':
      return createDelivery(jsonResponse({ iamToken: `t1.${'a'.repeat(10_000_000)}` }));
    case 'junk':
      return createDelivery(textResponse(200, 'application/json', '\u0000\u0001{]junk'));
    case 'array':
      return createDelivery(jsonResponse([]));
    case 'changed': {
      const fields = Object.entries({ ...(JSON.parse(routeResponse.body) as object), ...fault.fields });
      return createDelivery(jsonResponse(Object.fromEntries(fields.filter(([, value]) => value !== null))));
    }
    case 'cut':
      return createTruncatedDelivery(routeResponse, fault.of, fault.atByte);
    // Sends nothing.
    case 'hang':
      return { status: null, send: () => undefined };
    // Sends the head and half of the body.
    case 'hang_in_body':
      return createStalledDelivery(routeResponse);
    default:
      return fault satisfies never;
  }
}

export function createDelivery(routeResponse: RouteResponse): Delivery {
  return {
    status: routeResponse.status,
    send: (response) => void writeHead(routeResponse, response).end(routeResponse.body),
  };
}

function createStalledDelivery(routeResponse: RouteResponse): Delivery {
  const { status, body } = routeResponse;
  return {
    status,
    send: (response) => void writeHead(routeResponse, response).write(body.slice(0, body.length / 2)),
  };
}

function writeHead({ status, headers, body }: RouteResponse, response: ServerResponse): ServerResponse {
  return response.writeHead(status, { ...headers, 'content-length': Buffer.byteLength(body) });
}

/** Writes to the socket directly, so that the reset can be at any byte, also in the head. */
function createTruncatedDelivery(
  { status, headers, body }: RouteResponse,
  of: 'body' | 'answer',
  atByte: number,
): Delivery {
  return {
    status,
    send(response) {
      const headerFields = {
        ...response.getHeaders(),
        ...headers,
        'content-length': Buffer.byteLength(body),
      };
      const headerLines = Object.entries(headerFields).map(
        ([name, value]) => `${name}: ${String(value)}\r\n`,
      );
      const headBytes = Buffer.from(`HTTP/1.1 ${status} OK\r\n${headerLines.join('')}\r\n`);
      const responseBytes = Buffer.concat([headBytes, Buffer.from(body)]);
      const { socket } = response;
      socket?.write(responseBytes.subarray(0, (of === 'body' ? headBytes.length : 0) + atByte), () =>
        socket.resetAndDestroy(),
      );
    },
  };
}
