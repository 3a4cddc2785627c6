/** What a `stat` file in /proc says of a process. proc_pid_stat(5). */
export interface ProcStat {
  readonly state: string;
  readonly parentPid: number;
  /** The pid of its leader; 0 if that is in another container. */
  readonly sessionId: string;
  readonly threadCount: number;
  /** In clock ticks since the boot: distinguishes processes that had the same pid. Empty if it is missing. */
  readonly startTime: string;
}

export function parseProcStat(text: string): ProcStat {
  // The name of the program, in parentheses, can contain anything.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return {
    state: fields[0] ?? '',
    parentPid: Number(fields[1]),
    sessionId: fields[3] ?? '',
    threadCount: Number(fields[17]),
    startTime: fields[19] ?? '',
  };
}
