import type { Socket } from 'node:net';
import type { Alarm, Clock } from '../shared/clock.ts';

/** How long a client may take to send the headers of its request. */
const headersTimeoutMs = 5_000;
/** Connections without complete headers; the oldest is closed when there are more. */
const maxPendingConnections = 128;

/** Connections whose request has not arrived yet. Idle and slow clients are closed, so that others are served. */
export class PendingConnections {
  readonly #clock: Clock;
  /** Each with the monotonic time of its deadline, in the order of these. */
  readonly #deadlines = new Map<Socket, number>();
  readonly #alarm: Alarm;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#alarm = clock.createAlarm(() => this.#closeOverdue());
  }

  add(socket: Socket): void {
    const [oldest] = this.#deadlines.keys();
    if (oldest !== undefined && this.#deadlines.size >= maxPendingConnections) {
      this.#deadlines.delete(oldest);
      oldest.destroy();
    }
    this.#deadlines.set(socket, this.#clock.now().monotonicMs + headersTimeoutMs);
    socket.once('close', () => this.#deadlines.delete(socket));
    if (this.#deadlines.size === 1) this.#closeOverdue();
  }

  /** The request has arrived. */
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
