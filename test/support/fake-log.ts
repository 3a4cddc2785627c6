import type { Log, LogLevel } from '../../src/shared/log.ts';

export interface FakeLog extends Log {
  /** As `level message`, in order. */
  readonly lines: readonly string[];
  readonly isClosed: boolean;
  setLevel(level: LogLevel): void;
  close(): Promise<void>;
}

export function createFakeLog(): FakeLog {
  const lines: string[] = [];
  let isClosed = false;
  return {
    lines,
    get isClosed() {
      return isClosed;
    },
    write: (level, message) => void lines.push(`${level} ${message}`),
    setLevel: () => undefined,
    async close() {
      isClosed = true;
    },
  };
}
