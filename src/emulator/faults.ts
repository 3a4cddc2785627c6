import type { ServerResponse } from 'node:http';
import * as v from 'valibot';
import { json, type Reply, rpcCode, rpcStatus, text } from './reply.ts';

const natural = v.pipe(v.number(), v.integer(), v.minValue(0));
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
  /** The right answer, cut off with a reset after so many bytes of its body, or of all of it. */
  v.strictObject({
    kind: v.literal('cut'),
    atByte: v.optional(natural, 10),
    of: v.optional(v.picklist(['body', 'answer']), 'body'),
  }),
  /** The right answer but for these fields; one that is `null` is left out. */
  v.strictObject({ kind: v.literal('changed'), fields: v.record(v.string(), v.nullable(v.string())) }),
  /** An error as IAM says it, under the HTTP status that belongs to it, or another. */
  v.strictObject({
    kind: v.literal('status'),
    code: rpcCodeSchema,
    message: v.string(),
    httpStatus: v.optional(v.pipe(v.number(), v.integer(), v.minValue(200), v.maxValue(599))),
  }),
]);

/** What can be wrong with the service. */
export type Fault = v.InferInput<typeof faultSchema>;
/** With every default filled in. */
export type ExactFault = v.InferOutput<typeof faultSchema>;

const switchSchema = v.strictObject({
  fault: v.nullable(
    v.pipe(
      v.union([v.string(), v.looseObject({})]),
      v.transform((fault) => (typeof fault === 'string' ? { kind: fault } : fault)),
      faultSchema,
    ),
  ),
  /** So many calls meet it, and then it is gone; without it, all do until it is switched off. */
  count: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1)), Number.MAX_SAFE_INTEGER),
});

/**
 * Reads `{"fault": …, "count": …}`: an object, a kind, or `null` for no fault.
 * @throws TypeError
 */
export function readFaultSwitch(value: unknown): v.InferOutput<typeof switchSchema> {
  const parsed = v.safeParse(switchSchema, value);
  if (parsed.success) return parsed.output;
  throw new TypeError(parsed.issues.map((issue) => `${v.getDotPath(issue)}: ${issue.message}`).join('; '));
}

/** How an answer goes to the socket, or as much of it as is meant to arrive. */
export interface Delivery {
  /** Of the answer as meant; `null` where there is none. */
  readonly status: number | null;
  send(response: ServerResponse): void;
}

/** What comes of a call under a fault; `reply` is what it would have been without. */
export function faulted(fault: ExactFault, reply: Reply): Delivery {
  switch (fault.kind) {
    case 'unavailable':
      return whole(rpcStatus(rpcCode.unavailable, 'upstream connect error or disconnect'));
    case 'too_many_requests': {
      const refused = rpcStatus(rpcCode.resourceExhausted, 'The limit on requests was exceeded');
      return whole({ ...refused, headers: { ...refused.headers, 'retry-after': fault.retryAfter } });
    }
    case 'status':
      return whole(rpcStatus(fault.code, fault.message, fault.httpStatus));
    // As proxies send it.
    case 'html':
      return whole(
        text(403, 'text/html', '<!doctype html><title>403</title><h1>Forbidden by the proxy</h1>'),
      );
    case 'redirect':
      return whole({ status: 302, headers: { location: 'http://login.hotel.example/' }, body: '' });
    case 'empty':
      return whole(text(200, 'application/json', ''));
    // A token of 10 MB.
    case 'huge':
      return whole(json({ iamToken: `t1.${'a'.repeat(10_000_000)}` }));
    case 'junk':
      return whole(text(200, 'application/json', '\u0000\u0001{]junk'));
    case 'array':
      return whole(json([]));
    case 'changed': {
      const fields = Object.entries({ ...(JSON.parse(reply.body) as object), ...fault.fields });
      return whole(json(Object.fromEntries(fields.filter(([, value]) => value !== null))));
    }
    case 'cut':
      return cut(reply, fault.of, fault.atByte);
    // Never a byte.
    case 'hang':
      return { status: null, send: () => undefined };
    // The head of a good answer, half its body, and no more.
    case 'hang_in_body':
      return half(reply);
    default:
      return fault satisfies never;
  }
}

export function whole(reply: Reply): Delivery {
  return { status: reply.status, send: (response) => void head(reply, response).end(reply.body) };
}

function half(reply: Reply): Delivery {
  const { status, body } = reply;
  return { status, send: (response) => void head(reply, response).write(body.slice(0, body.length / 2)) };
}

function head({ status, headers, body }: Reply, response: ServerResponse): ServerResponse {
  return response.writeHead(status, { ...headers, 'content-length': Buffer.byteLength(body) });
}

/** Reset after so many bytes. Written by hand, so that the cut can be at any byte, also in the head. */
function cut({ status, headers, body }: Reply, of: 'body' | 'answer', atByte: number): Delivery {
  return {
    status,
    send(response) {
      const lines = { ...response.getHeaders(), ...headers, 'content-length': Buffer.byteLength(body) };
      const text = Object.entries(lines).map(([name, value]) => `${name}: ${String(value)}\r\n`);
      const before = Buffer.from(`HTTP/1.1 ${status} OK\r\n${text.join('')}\r\n`);
      const answer = Buffer.concat([before, Buffer.from(body)]);
      const { socket } = response;
      socket?.write(answer.subarray(0, (of === 'body' ? before.length : 0) + atByte), () =>
        socket.resetAndDestroy(),
      );
    },
  };
}
