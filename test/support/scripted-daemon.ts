import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encodeFrame, FrameReader } from '../../src/protocol/frames.ts';
import type { EventMessage, Method, RequestMessage } from '../../src/protocol/messages.ts';
import type { Problem } from '../../src/shared/errors.ts';

/** The daemon's end of one connection, as a script uses it. */
export interface ScriptedPeer {
  readonly answer: (request: RequestMessage, result: unknown) => void;
  readonly fail: (request: RequestMessage, problem: Problem) => void;
  readonly send: (event: EventMessage['event'], params: EventMessage['params']) => void;
  /** Whatever it is, as it stands. */
  readonly raw: (bytes: string | Uint8Array) => void;
  readonly end: () => void;
}

export type Script = (request: RequestMessage, peer: ScriptedPeer) => void;

/** What is answered to each method; a function makes the answer from the parameters. */
export type Answers = { readonly [M in Method]?: unknown };

/** Answers as told, and `unknown_method` to the rest. */
export function answering(answers: Answers): Script {
  return (request, peer) => {
    const answer = answers[request.method as Method];
    if (answer === undefined)
      peer.fail(request, { code: 'unknown_method', message: 'there is no such method' });
    else peer.answer(request, typeof answer === 'function' ? answer(request.params) : answer);
  };
}

/** Refuses everything with one problem. */
export function failing(problem: Problem): Script {
  return (request, peer) => peer.fail(request, problem);
}

/**
 * A daemon that says what a test tells it to, on a real socket in a folder of its own. Ended by `close`, which also
 * removes the folder.
 */
export class ScriptedDaemon {
  readonly socketPath: string;
  /** All that was asked, over all connections. */
  readonly requests: RequestMessage[] = [];
  connections = 0;
  readonly #folder: string;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #script: Script;

  private constructor(script: Script, socketPath: string | undefined) {
    this.#folder = mkdtempSync(join(tmpdir(), 'iam-tokend-'));
    this.socketPath = socketPath ?? join(this.#folder, 'ipc.sock');
    this.#script = script;
    this.#server = createServer((socket) => this.#serve(socket));
  }

  /** @param socketPath in a folder that is there; in a new temporary one unless given */
  static async start(script: Script, socketPath?: string): Promise<ScriptedDaemon> {
    const daemon = new ScriptedDaemon(script, socketPath);
    await new Promise<void>((resolve, reject) => {
      daemon.#server.once('error', reject);
      daemon.#server.listen(daemon.socketPath, resolve);
    });
    return daemon;
  }

  /** Another script from the next request on. */
  become(script: Script): void {
    this.#script = script;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
    });
    rmSync(this.#folder, { recursive: true });
  }

  #serve(socket: Socket): void {
    this.connections += 1;
    this.#sockets.add(socket);
    const frames = new FrameReader();
    const write = (data: unknown): void => void socket.write(encodeFrame(data));
    const peer: ScriptedPeer = {
      answer: ({ id }, result) => write({ v: 1, id, result }),
      fail: ({ id }, error) => write({ v: 1, id, error }),
      send: (event, params) => write({ v: 1, event, params }),
      raw: (bytes) => void socket.write(bytes),
      end: () => socket.end(),
    };
    socket.on('data', (piece: Buffer) => {
      for (const data of frames.read(piece)) {
        const request = data as RequestMessage;
        this.requests.push(request);
        this.#script(request, peer);
      }
    });
    // A client that is gone is no failure of the test.
    socket.on('error', () => {});
    socket.on('close', () => this.#sockets.delete(socket));
  }
}
