import type { ServiceManager } from '../protocol/messages.ts';
import type { Clock } from '../shared/clock.ts';
import type { Notify } from './notify.ts';
import type { ServiceStart } from './service-start.ts';

/** Whoever started the daemon, and what it wants to hear. */
export interface Supervision {
  /** `null`: a person. */
  readonly manager: ServiceManager | null;
  readonly ready: () => void;
  readonly stopping: () => void;
}

/**
 * Once ready, says twice in each span of silence that is allowed that the loop still turns.
 * @param notifyAt makes the way to whoever listens at a socket
 */
export function supervision(
  clock: Clock,
  { manager, notifySocket, watchdogMs }: ServiceStart,
  notifyAt: (socket: string) => Notify,
): Supervision {
  const notify = notifySocket === null ? null : notifyAt(notifySocket);
  const alarm = clock.alarm(() => {
    void notify?.('WATCHDOG=1');
    planNext();
  });
  const planNext = (): void => {
    if (watchdogMs !== null) alarm.set(clock.now().monotonicMs + watchdogMs / 2);
  };
  return {
    manager,
    ready: () => {
      void notify?.('READY=1');
      planNext();
    },
    stopping: () => {
      void notify?.('STOPPING=1');
      alarm.cancel();
    },
  };
}
