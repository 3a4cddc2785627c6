/** What a line is about, beside its message: `profile`, `tookMs`, `peer` and the like. */
export type LogFields = Readonly<Record<string, string | number | boolean | null | undefined>>;

export const logLevels = ['error', 'warn', 'info', 'debug'] as const;
export type LogLevel = (typeof logLevels)[number];

/** Where the house says what it does. No secret is ever passed in; the sink redacts all the same. */
export interface Log {
  write(level: LogLevel, message: string, fields?: LogFields): void;
}
