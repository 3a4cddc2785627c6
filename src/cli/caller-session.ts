import { readFileSync } from 'node:fs';
import { parseProcStat } from '../platform/proc-stat.ts';

/**
 * The session that this process belongs to, such as a terminal or a job of cron (setsid(2)). Its leader's start time
 * distinguishes sessions of one number, as containers have them. Elsewhere the parent process or the logon session of Windows.
 */
export function findCallerSession(env: Readonly<Record<string, string | undefined>>): string {
  if (process.platform === 'win32') return `windows ${env['SESSIONNAME'] ?? ''}`;
  try {
    const { sessionId } = readProcStat('self');
    return `session ${sessionId} ${readStartTime(sessionId)}`;
  } catch {
    return `parent ${process.ppid}`; // A system without /proc.
  }
}

function readProcStat(pid: string): ReturnType<typeof parseProcStat> {
  return parseProcStat(readFileSync(`/proc/${pid}/stat`, 'utf8'));
}

/** Empty if the leader has ended, or is in another container. */
function readStartTime(sessionId: string): string {
  try {
    return readProcStat(sessionId).startTime;
  } catch {
    return '';
  }
}
