import type { Clock } from '../../shared/clock.ts';

const warningIntervalMs = 60 * 60_000;
/** Beyond this number, the oldest session may be warned again. */
const maxSessions = 1_000;

/** The sessions that had the warning of a profile within the last hour. */
export class WarnedSessions {
  readonly #clock: Pick<Clock, 'now'>;
  /** By session, in the order of the warnings: when they had it. */
  readonly #warnedAtMs = new Map<string, number>();

  constructor(clock: Pick<Clock, 'now'>) {
    this.#clock = clock;
  }

  /** Whether this session had the warning within the last hour. If not, it has it now. */
  isRepeated(session: string, profile: string, uid: number | undefined): boolean {
    const nowMs = this.#clock.now().monotonicMs;
    for (const [key, warnedAtMs] of this.#warnedAtMs) {
      if (nowMs - warnedAtMs < warningIntervalMs && this.#warnedAtMs.size <= maxSessions) break;
      this.#warnedAtMs.delete(key);
    }
    const key = JSON.stringify([uid, session, profile]);
    if (this.#warnedAtMs.has(key)) return true;
    this.#warnedAtMs.set(key, nowMs);
    return false;
  }
}
