import * as v from 'valibot';

const natural = v.pipe(v.number(), v.integer(), v.minValue(0));
const rpcCodeSchema = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(16));

const faultSchema = v.variant('kind', [
  /** 503 with code 14. */
  v.strictObject({ kind: v.literal('unavailable') }),
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
  v.strictObject({ kind: v.literal('empty') }),
  /** A token without end: 10 MB unless said otherwise, sent as far as it is read. */
  v.strictObject({ kind: v.literal('huge'), bytes: v.optional(natural, 10_000_000) }),
  v.strictObject({ kind: v.literal('junk') }),
  v.strictObject({ kind: v.literal('array') }),
  /** 403 with a web page, as proxies send it. */
  v.strictObject({ kind: v.literal('html') }),
  v.strictObject({ kind: v.literal('redirect') }),
  /** A google.rpc.Status under HTTP status 200. */
  v.strictObject({ kind: v.literal('error_in_ok'), code: v.optional(rpcCodeSchema, 16) }),
  v.strictObject({ kind: v.literal('no_token') }),
  /** A token with a line break in it. */
  v.strictObject({ kind: v.literal('bad_token') }),
  /** A good token with this as `expiresAt`; `past` and `far` are made from the emulator's clock. */
  v.strictObject({
    kind: v.literal('expiry'),
    is: v.picklist(['past', 'far', 'unreadable', 'no_zone', 'missing']),
  }),
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

export type FaultSwitch =
  | { readonly ok: true; readonly fault: ExactFault | null; readonly count: number }
  | { readonly ok: false; readonly message: string };

/** Reads `{"fault": …, "count": …}`: an object, a kind, or `null` for no fault. */
export function readFaultSwitch(value: unknown): FaultSwitch {
  const parsed = v.safeParse(switchSchema, value);
  return parsed.success
    ? { ok: true, ...parsed.output }
    : {
        ok: false,
        message: parsed.issues.map((issue) => `${v.getDotPath(issue)}: ${issue.message}`).join('; '),
      };
}

/** The fault that is on, and for how many calls more. */
export interface Faults {
  set(fault: ExactFault | null, count: number): void;
  /** The fault for the call that comes now. */
  next(): ExactFault | null;
}

export function faults(): Faults {
  let current: ExactFault | null = null;
  let left = 0;
  return {
    set(fault, count) {
      current = fault;
      left = count;
    },
    next() {
      const fault = left > 0 ? current : null;
      left -= 1;
      return fault;
    },
  };
}
