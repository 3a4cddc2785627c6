import * as v from 'valibot';
import { cut, type Delivery, half, never, whole } from './delivery.ts';
import { json, type Reply, rpcCode, rpcStatus, text } from './reply.ts';

/** Faults that are another answer than the right one, always the same. */
const otherAnswers = {
  /** 503 with code 14. */
  unavailable: () => rpcStatus(rpcCode.unavailable, 'upstream connect error or disconnect'),
  empty: () => text(200, 'application/json', ''),
  /** A token of 10 MB. */
  huge: () => json({ iamToken: `t1.${'a'.repeat(10_000_000)}` }),
  junk: () => text(200, 'application/json', '\u0000\u0001{]junk'),
  array: () => json([]),
  /** 403 with a web page, as proxies send it. */
  html: () => text(403, 'text/html', '<!doctype html><title>403</title><h1>Forbidden by the proxy</h1>'),
  redirect: () => ({ status: 302, headers: { location: 'http://login.hotel.example/' }, body: '' }),
} satisfies Readonly<Record<string, () => Reply>>;

const natural = v.pipe(v.number(), v.integer(), v.minValue(0));
const rpcCodeSchema = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(16));

const faultSchema = v.variant('kind', [
  v.strictObject({ kind: v.picklist(Object.keys(otherAnswers) as (keyof typeof otherAnswers)[]) }),
  /** 429 with code 8. */
  v.strictObject({ kind: v.literal('too_many_requests'), retryAfter: v.optional(v.string(), '30') }),
  /** Never a byte. */
  v.strictObject({ kind: v.literal('hang') }),
  /** The head of a good answer, half its body, and no more. */
  v.strictObject({ kind: v.literal('hang_in_body') }),
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

/** What comes of a call under a fault; `reply` is what it would have been without. */
export function faulted(fault: ExactFault, reply: Reply): Delivery {
  switch (fault.kind) {
    case 'too_many_requests': {
      const refused = rpcStatus(rpcCode.resourceExhausted, 'The limit on requests was exceeded');
      return whole({ ...refused, headers: { ...refused.headers, 'retry-after': fault.retryAfter } });
    }
    case 'hang':
      return never;
    case 'hang_in_body':
      return half(reply);
    case 'cut':
      return cut(reply, fault.of, fault.atByte);
    case 'changed': {
      const fields = Object.entries({ ...(JSON.parse(reply.body) as object), ...fault.fields });
      return whole(json(Object.fromEntries(fields.filter(([, value]) => value !== null))));
    }
    case 'status':
      return whole(rpcStatus(fault.code, fault.message, fault.httpStatus));
    case 'unavailable':
    case 'empty':
    case 'huge':
    case 'junk':
    case 'array':
    case 'html':
    case 'redirect':
      return whole(otherAnswers[fault.kind]());
    default:
      return fault satisfies never;
  }
}
