import type { Socket } from 'node:net';
import type { Clock } from '../../shared/clock.ts';

const probeIntervalMs = 1_000;

/**
 * For a peer that has ended its side of the connection: destroys `socket` within a second after the peer closes the other
 * side too. Nothing can be read from such a peer; on a Unix socket, a write fails once it is gone, even one of no bytes
 * (send(2), EPIPE). Over TCP, a peer that is gone looks like one that waits, until something is written to it.
 */
export function closeWithPeer(socket: Socket, clock: Pick<Clock, 'now' | 'createAlarm'>): void {
  const alarm = clock.createAlarm(probe);
  socket.once('close', () => alarm.cancel());
  probe();

  function probe(): void {
    if (!socket.writable) return;
    // A write that waits fails by itself.
    if (socket.writableLength === 0) socket.write('');
    alarm.set(clock.now().monotonicMs + probeIntervalMs);
  }
}
