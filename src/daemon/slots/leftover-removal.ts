import type { Alarm, Clock } from '../../shared/clock.ts';
import { problemOf } from '../../shared/errors.ts';
import type { Log } from '../../shared/log.ts';
import type { CredentialSlots } from '../profiles/credential-slots.ts';

/** The store is asked again this often to remove what it kept, without a prompt. */
const intervalMs = 30_000;

export interface LeftoverRemovalParts {
  readonly clock: Pick<Clock, 'now' | 'createAlarm'>;
  readonly log: Log;
  readonly slots: CredentialSlots;
  readonly isLocked: () => boolean;
}

/** Empties leftover slots in the background until none is left, and not while the daemon is locked. */
export class LeftoverRemoval {
  readonly #parts: LeftoverRemovalParts;
  readonly #alarm: Alarm;
  #isStopped = false;

  constructor(parts: LeftoverRemovalParts) {
    this.#parts = parts;
    this.#alarm = parts.clock.createAlarm(() => void this.run());
  }

  /** As `LeftoverSlots` does; a failure is logged, and tried again before slots change. */
  async noteStore(): Promise<void> {
    const { log, slots } = this.#parts;
    try {
      await slots.leftovers.noteStore();
    } catch (error) {
      log.write('warn', `cannot record the store in use: ${problemOf(error).message}`);
    }
  }

  /** Resolves after one attempt; further attempts follow while the store keeps something. */
  async run(): Promise<void> {
    const { clock, isLocked, slots } = this.#parts;
    if (!isLocked()) await slots.discardLeftovers();
    const isNextNeeded = !this.#isStopped && slots.leftovers.list().length > 0;
    this.#alarm.set(isNextNeeded ? clock.now().monotonicMs + intervalMs : null);
  }

  /** While a user waits, who answers the prompts of a store that asks before each change. Never throws. */
  async runWithUser(): Promise<void> {
    const { log, slots } = this.#parts;
    try {
      if (slots.leftovers.list().length > 0 && (await slots.requiresConfirmation()))
        await slots.discardLeftovers('interactive');
    } catch (error) {
      log.write('warn', `cannot remove replaced credentials: ${problemOf(error).message}`);
    }
    void this.run();
  }

  stop(): void {
    this.#isStopped = true;
    this.#alarm.cancel();
  }
}
