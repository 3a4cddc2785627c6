/** Structured fields of a log line, such as `profile`, `tookMs` or `peer`. */
export type LogFields = Readonly<Record<string, string | number | boolean | null | undefined>>;

export const logLevels = ['error', 'warn', 'info', 'debug'] as const;
export type LogLevel = (typeof logLevels)[number];

/** The log of the daemon. Callers pass no secrets; as a second guard, `src/adapters/winston-log.ts` redacts them. */
export interface Log {
  write(level: LogLevel, message: string, fields?: LogFields): void;
}
