import type { Log, LogLevel } from '../../src/shared/log.ts';

export interface FakeLog extends Log {
  /** `level message`, in their order. */
  readonly lines: readonly string[];
  readonly closed: boolean;
  setLevel(level: LogLevel): void;
  close(): Promise<void>;
}

export function fakeLog(): FakeLog {
  const lines: string[] = [];
  let closed = false;
  return {
    lines,
    get closed() {
      return closed;
    },
    write: (level, message) => void lines.push(`${level} ${message}`),
    setLevel: () => undefined,
    async close() {
      closed = true;
    },
  };
}
