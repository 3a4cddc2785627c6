import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { waitUntil } from '../wait-until.ts';

const serverScript = `
const { createServer } = require('node:http');
const server = createServer((request, response) => response.end('slow'));
server.listen({ host: process.argv[1], port: Number(process.argv[2]), backlog: 1 }, () => console.log(server.address().port));
`;

/** An HTTP server whose queue of connections is full: the kernel drops every further SYN to its address. */
export interface SilentServer {
  readonly port: number;
  /** Waits until a peer has tried to connect, then answers: the kernel of the peer repeats its SYN after a second. */
  answerLate(): Promise<void>;
  close(): Promise<void>;
}

/** @param port 0: any */
export async function startSilentServer(host: string, port = 0): Promise<SilentServer> {
  const child = spawn(process.execPath, ['-e', serverScript, host, String(port)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [chunk] = (await once(child.stdout, 'data')) as [Buffer];
  const boundPort = Number(chunk.toString());
  child.kill('SIGSTOP');
  await waitUntil(() => processState(child) === 'T', 'the server is stopped');
  // Linux queues one connection more than the backlog.
  const fillers = await Promise.all(
    [1, 2].map(async () => {
      const socket = connect(boundPort, host);
      await once(socket, 'connect');
      return socket.on('error', () => undefined);
    }),
  );
  return {
    port: boundPort,
    async answerLate() {
      await waitUntil(() => hasUnansweredSyn(host, boundPort), 'a peer tries to connect');
      child.kill('SIGCONT');
    },
    async close() {
      for (const socket of fillers) socket.destroy();
      const exitEvent = once(child, 'exit');
      child.kill('SIGKILL');
      await exitEvent;
    },
  };
}

function processState({ pid }: ChildProcess): string {
  return /\) (\w)/.exec(readFileSync(`/proc/${pid}/stat`, 'utf8'))?.[1] ?? '';
}

/** proc(5), /proc/net/tcp: addresses in the byte order of the machine, state 02 is SYN_SENT. */
function hasUnansweredSyn(host: string, port: number): boolean {
  const bytes = Buffer.from(host.split('.').map(Number)).toReversed();
  const address = `${Buffer.from(bytes).toString('hex')}:${port.toString(16).padStart(4, '0')}`.toUpperCase();
  return readFileSync('/proc/net/tcp', 'utf8').includes(` ${address} 02 `);
}
