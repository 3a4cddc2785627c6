import type { EventMessage } from '../../protocol/envelope.ts';
import type { Clock } from '../../shared/clock.ts';
import type { Log } from '../../shared/log.ts';
import type { ProgramRunner } from '../../shared/program-runner.ts';
import { findHookProgram, type HookCommand, runHook } from './run-hook.ts';

type EventName = EventMessage['event'];
type EventParams = EventMessage['params'];

export interface HooksParts {
  readonly clock: Pick<Clock, 'timeoutSignal'>;
  readonly log: Log;
  readonly programs: ProgramRunner;
  /** Removes secrets from the output of a program, which may have several lines. */
  readonly redact: (text: string) => string;
  /** Those of the configuration, which a reload may change. */
  readonly getCommands: () => Readonly<Record<EventName, HookCommand | null>>;
}

const maxLoggedLines = 50;
const maxLoggedChars = 500;

/**
 * Runs the programs of `hooks` in the configuration: for each event one at a time, with the event as a line of JSON on
 * stdin. An event of a profile that still waits is replaced by its next one.
 */
export class Hooks {
  readonly #parts: HooksParts;
  readonly #stopController = new AbortController();
  /** By event and profile: what the next runs get. */
  readonly #pending = new Map<EventName, Map<object, EventParams>>();
  readonly #running = new Set<EventName>();
  /** By event: the command that failed last. */
  readonly #failedCommands = new Map<EventName, string>();
  readonly #lastEvents = new WeakMap<object, EventName>();

  constructor(parts: HooksParts) {
    this.#parts = parts;
  }

  /** @param profile identifies the profile, whose name may change */
  notify(event: EventName, profile: object, params: EventParams): void {
    // Each attempt to renew fails with an event. The first one is news.
    const isRetry = event !== 'rotated' && event !== 'locked' && this.#lastEvents.get(profile) === event;
    this.#lastEvents.set(profile, event);
    if (isRetry || this.#parts.getCommands()[event] === null || this.#stopController.signal.aborted) return;
    const pending = this.#pending.get(event) ?? new Map<object, EventParams>();
    this.#pending.set(event, pending.set(profile, params));
    if (!this.#running.has(event)) void this.#runPending(event, pending);
  }

  /** Whether the user learns of this event by a hook. */
  isWorking(event: EventName): boolean {
    const command = this.#parts.getCommands()[event];
    return command !== null && this.#failedCommands.get(event) !== JSON.stringify(command);
  }

  /** Logs which hooks cannot be started: their events may be months away. */
  async check(): Promise<void> {
    for (const [event, command] of Object.entries(this.#parts.getCommands())) {
      if (command === null) continue;
      const program = await findHookProgram(command, this.#parts.programs);
      if (program.path === null) this.#reportFailure(event as EventName, command, program.failure);
    }
  }

  /** Kills the programs that run. */
  stop(): void {
    this.#stopController.abort();
  }

  /** Includes what arrives while a hook runs. */
  async #runPending(event: EventName, pending: Map<object, EventParams>): Promise<void> {
    this.#running.add(event);
    for (const [profile, params] of pending) {
      pending.delete(profile);
      await this.#run(event, params);
    }
    this.#running.delete(event);
  }

  async #run(event: EventName, params: EventParams): Promise<void> {
    const { clock, log, programs, redact, getCommands } = this.#parts;
    const { signal } = this.#stopController;
    const command = getCommands()[event];
    if (command === null || signal.aborted) return;
    const input = `${JSON.stringify({ event, ...params })}\n`;
    const { failure, output } = await runHook(command, input, programs, clock, signal);
    if (signal.aborted) return;
    // Before it is split: the lines of a private key do not look like a secret.
    const lines = redact(output)
      .split(/[\r\n]+/)
      .filter((line) => line.trim() !== '');
    for (const line of lines.slice(0, maxLoggedLines))
      log.write('info', `output of the hook for ${event}: ${line.slice(0, maxLoggedChars)}`);
    const droppedCount = lines.length - maxLoggedLines;
    if (droppedCount > 0) log.write('info', `output of the hook for ${event}: … ${droppedCount} more lines`);
    if (failure === null) this.#failedCommands.delete(event);
    else this.#reportFailure(event, command, failure);
  }

  /** Once, until it succeeds or the configuration changes: the next event may be the same. */
  #reportFailure(event: EventName, command: HookCommand, failure: string): void {
    const key = JSON.stringify(command);
    const isKnown = this.#failedCommands.get(event) === key;
    this.#failedCommands.set(event, key);
    const level = isKnown ? 'debug' : 'warn';
    this.#parts.log.write(level, `the hook for ${event} failed: ${command[0]}: ${failure}`);
  }
}
