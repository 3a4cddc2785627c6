/**
 * Requests tokens one after the other for some time, half of them on a new connection each:
 * node probe.js SOCKET DURATION_MS. Prints a `ProbeReport` as JSON.
 */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { argv, stdout } from 'node:process';
import { setTimeout as delay } from 'node:timers/promises';

export interface ProbeReport {
  readonly count: number;
  /** Milliseconds until a response on an open connection. */
  readonly open: Percentiles;
  /** The same with a connection of its own. */
  readonly fresh: Percentiles;
  readonly failures: readonly string[];
}

export interface Percentiles {
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

const [, , socketPath = '', durationMs = '1000'] = argv;
const frame = `${JSON.stringify({ type: 'iam-token', data: { v: 1, id: 1, method: 'token' } })}\f`;
const failures: string[] = [];

async function openConnection(): Promise<Socket> {
  const socket = connect(socketPath).setEncoding('utf8');
  await once(socket, 'connect');
  socket.on('error', () => undefined); // `close` follows.
  return socket;
}

function requestToken(socket: Socket): Promise<void> {
  return new Promise((resolve, reject) => {
    let response = '';
    const onData = (chunk: string): void => {
      response += chunk;
      if (!response.endsWith('\f')) return;
      stopListening();
      if (!response.includes('"token"')) failures.push(response);
      resolve();
    };
    const onClose = (): void => {
      stopListening();
      reject(new Error('the daemon closed the connection'));
    };
    const stopListening = (): void => {
      socket.off('data', onData);
      socket.off('close', onClose);
    };
    socket.on('data', onData);
    socket.on('close', onClose);
    socket.write(frame);
  });
}

function percentilesOf(times: readonly number[]): Percentiles {
  const sorted = times.toSorted((a, b) => a - b);
  const at = (share: number): number => Number((sorted[Math.floor(sorted.length * share)] ?? 0).toFixed(2));
  return { p50: at(0.5), p99: at(0.99), max: Number((sorted.at(-1) ?? 0).toFixed(2)) };
}

const openTimes: number[] = [];
const freshTimes: number[] = [];
const endMs = performance.now() + Number(durationMs);
let openSocket: Socket | null = null;
while (performance.now() < endMs) {
  try {
    if (openSocket === null || openSocket.destroyed) openSocket = await openConnection();
    let startMs = performance.now();
    await requestToken(openSocket);
    openTimes.push(performance.now() - startMs);
    startMs = performance.now();
    const socket = await openConnection();
    await requestToken(socket);
    freshTimes.push(performance.now() - startMs);
    socket.destroy();
  } catch (error) {
    failures.push(String(error));
  }
  await delay(2);
}
openSocket?.destroy();
const report: ProbeReport = {
  count: openTimes.length + freshTimes.length,
  open: percentilesOf(openTimes),
  fresh: percentilesOf(freshTimes),
  failures: failures.slice(0, 5),
};
stdout.write(`${JSON.stringify(report)}\n`);
