/** Stops a daemon over its socket, or by a signal if its socket is gone. */
import { readFileSync } from 'node:fs';
import { deadlineAfter, monotonicNowMs, sleep } from '../client/deadline.ts';
import { findDaemon, type FoundDaemon } from '../client/find-daemon.ts';
import { pathModuleOf, socketCandidates } from '../platform/paths.ts';
import * as methods from '../protocol/methods.ts';
import { IamTokenError } from '../shared/errors.ts';
import { formatTimeSpan } from '../shared/duration.ts';
import { type CommandContext, withDaemon } from './command.ts';

const pollIntervalMs = 20;

/** @throws IamTokenError `unreachable` if no daemon runs; `unavailable` if it does not stop in time */
export async function stopDaemon(context: CommandContext): Promise<void> {
  const recordedDaemon = findRecordedDaemon(context);
  try {
    await withDaemon(context, async (connection, deadline) => {
      await connection.call(methods.stop, {}, deadline);
      await connection.waitForClose(deadline);
    });
    await waitForEnd(recordedDaemon, context);
  } catch (error) {
    const daemon = findUnreachableDaemon(context, error);
    if (daemon === null) throw error;
    await stopProcess(daemon, context);
  }
}

/** The daemon that commands reach, if its record tells whether it runs. Call it before the daemon is stopped. */
export function findRecordedDaemon({ socketPath, processContext }: CommandContext): FoundDaemon | null {
  const explicitPath = socketPath || processContext.env['IAM_TOKEND_SOCKET'];
  const daemon = findDaemon(explicitPath, processContext);
  const paths = explicitPath
    ? [pathModuleOf(processContext.platform).resolve(explicitPath)]
    : socketCandidates(processContext);
  return daemon?.isKnownToRun && paths.includes(daemon.socket) ? daemon : null;
}

/** A daemon holds its locks for a moment after it has closed its connections: another could not start yet. */
export async function waitForEnd(
  daemon: FoundDaemon | null,
  { timeoutMs }: Pick<CommandContext, 'timeoutMs'>,
): Promise<void> {
  const { endsAtMs } = deadlineAfter(timeoutMs);
  while (daemon?.hasEnded() === false && monotonicNowMs() < endsAtMs) await sleep(pollIntervalMs, undefined);
}

/** The running daemon whose socket is gone; `null` if `error` has another reason. */
export function findUnreachableDaemon(context: CommandContext, error: unknown): FoundDaemon | null {
  if (!(error instanceof IamTokenError) || error.code !== 'unreachable') return null;
  const { socketPath, processContext } = context;
  const explicitPath = socketPath || processContext.env['IAM_TOKEND_SOCKET'];
  const daemon = findDaemon(explicitPath, processContext);
  const isMeant =
    !explicitPath || daemon?.socket === pathModuleOf(processContext.platform).resolve(explicitPath);
  return isMeant && daemon?.isKnownToRun ? daemon : null;
}

/** Whether a unit of systemd runs the process. */
export function isProcessOfUnit(pid: number, unit: string): boolean {
  try {
    return readFileSync(`/proc/${pid}/cgroup`, 'utf8').trimEnd().endsWith(`/${unit}`);
  } catch {
    return false; // It has ended.
  }
}

/**
 * `findDaemon` has compared the start time: the signal reaches the daemon and no later process of this id.
 * @throws IamTokenError `unavailable` if it does not stop in time
 */
export async function stopProcess(
  { pid, hasEnded }: FoundDaemon,
  { timeoutMs }: Pick<CommandContext, 'timeoutMs'>,
): Promise<void> {
  const { endsAtMs } = deadlineAfter(timeoutMs);
  if (!hasEnded()) process.kill(pid, 'SIGTERM');
  while (!hasEnded()) {
    if (monotonicNowMs() > endsAtMs) {
      const message = `the daemon (pid ${pid}) did not stop within ${formatTimeSpan(timeoutMs)}`;
      throw new IamTokenError({ code: 'unavailable', message, hint: `kill -KILL ${pid}` });
    }
    await sleep(pollIntervalMs, undefined);
  }
}
