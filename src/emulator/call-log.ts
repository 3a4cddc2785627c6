/** A call as it came: who asked for what, and never a header's or a body's content. */
export interface LoggedCall {
  /** By the emulator's own clock, RFC 3339. */
  readonly at: string;
  readonly method: string;
  /** Without what follows `?`. */
  readonly path: string;
  /** Of the answer as meant; `null` where a fault left none. */
  readonly status: number | null;
  /** Kind of the fault that was served instead. */
  readonly fault: string | null;
}

export interface CallLog {
  add(call: LoggedCall): void;
  /** The newest 1,000, oldest first. */
  calls(): readonly LoggedCall[];
  /** All that ever came, by `METHOD path`. */
  counts(): Readonly<Record<string, number>>;
}

const kept = 1_000;

export function callLog(): CallLog {
  const calls: LoggedCall[] = [];
  const counts = new Map<string, number>();
  return {
    add(call) {
      calls.push(call);
      if (calls.length > kept) calls.shift();
      const key = `${call.method} ${call.path}`;
      counts.set(key, (counts.get(key) ?? 0) + 1);
    },
    calls: () => [...calls],
    counts: () => Object.fromEntries(counts),
  };
}
