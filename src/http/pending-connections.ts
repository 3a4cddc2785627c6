import type { Socket } from 'node:net';
import type { Alarm, Clock } from '../shared/clock.ts';

/** The oldest connection is closed when there are more. */
const maxPendingConnections = 128;

/** Connections that wait for their client. Idle and slow clients are closed, so that others are served. */
export class PendingConnections {
  readonly #clock: Clock;
  readonly #timeoutMs: number;
  /** Each with the monotonic time of its deadline, in the order of these. */
  readonly #deadlines = new Map<Socket, number>();
  readonly #alarm: Alarm;

  constructor(clock: Clock, timeoutMs: number) {
    this.#clock = clock;
    this.#timeoutMs = timeoutMs;
    this.#alarm = clock.createAlarm(() => this.#closeOverdue());
  }

  add(socket: Socket): void {
    const [oldest] = this.#deadlines.keys();
    if (oldest !== undefined && this.#deadlines.size >= maxPendingConnections) {
      this.#deadlines.delete(oldest);
      oldest.destroy();
    }
    this.#deadlines.set(socket, this.#clock.now().monotonicMs + this.#timeoutMs);
    socket.once('close', () => this.#deadlines.delete(socket));
    if (this.#deadlines.size === 1) this.#closeOverdue();
  }

  /** The client has done its part. */
  remove(socket: Socket): void {
    this.#deadlines.delete(socket);
  }

  closeAll(): void {
    for (const socket of this.#deadlines.keys()) socket.destroy();
  }

  stop(): void {
    this.#alarm.cancel();
  }

  #closeOverdue(): void {
    const { monotonicMs } = this.#clock.now();
    for (const [socket, deadlineMs] of this.#deadlines) {
      if (deadlineMs > monotonicMs) return this.#alarm.set(deadlineMs);
      this.#deadlines.delete(socket);
      socket.destroy();
    }
  }
}
