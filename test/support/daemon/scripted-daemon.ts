import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  createFrameReader,
  encodeFrame,
  type EventMessage,
  type RequestMessage,
} from '../../../src/protocol/envelope.ts';
import type { Method } from '../../../src/protocol/method-types.ts';
import type { Problem } from '../../../src/shared/errors.ts';

/** The daemon's side of one connection, for a script. */
export interface ScriptedPeer {
  readonly respond: (request: RequestMessage, result: unknown) => void;
  readonly fail: (request: RequestMessage, problem: Problem) => void;
  readonly send: (event: EventMessage['event'], params: EventMessage['params']) => void;
  /** Writes bytes unchanged. */
  readonly writeRaw: (bytes: string | Uint8Array) => void;
  readonly end: () => void;
}

export type Script = (request: RequestMessage, peer: ScriptedPeer) => void;

/** The result of each method; a function computes it from the parameters. */
export type ScriptedResults = { readonly [M in Method]?: unknown };

/** Responds with `unknown_method` to all other methods. */
export function respondWith(results: ScriptedResults): Script {
  return (request, peer) => {
    const scriptedResult = results[request.method as Method];
    if (scriptedResult === undefined)
      peer.fail(request, { code: 'unknown_method', message: 'unknown method' });
    else
      peer.respond(
        request,
        typeof scriptedResult === 'function' ? scriptedResult(request.params) : scriptedResult,
      );
  };
}

/** Responds to every request with the same problem. */
export function failWith(problem: Problem): Script {
  return (request, peer) => peer.fail(request, problem);
}

/**
 * A daemon that responds as a script says, on a real socket in its own folder. `close` stops it and removes the folder.
 */
export class ScriptedDaemon {
  readonly socketPath: string;
  /** The requests of all connections, in order. */
  readonly requests: RequestMessage[] = [];
  connectionCount = 0;
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

  /** @param socketPath in an existing folder; in a new temporary folder unless given */
  static async start(script: Script, socketPath?: string): Promise<ScriptedDaemon> {
    const daemon = new ScriptedDaemon(script, socketPath);
    await new Promise<void>((resolve, reject) => {
      daemon.#server.once('error', reject);
      daemon.#server.listen(daemon.socketPath, resolve);
    });
    return daemon;
  }

  /** Applies from the next request on. */
  setScript(script: Script): void {
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
    this.connectionCount += 1;
    this.#sockets.add(socket);
    const readFrames = createFrameReader();
    const write = (data: unknown): void => void socket.write(encodeFrame(data));
    const peer: ScriptedPeer = {
      respond: ({ id }, result) => write({ v: 1, id, result }),
      fail: ({ id }, error) => write({ v: 1, id, error }),
      send: (event, params) => write({ v: 1, event, params }),
      writeRaw: (bytes) => void socket.write(bytes),
      end: () => socket.end(),
    };
    socket.on('data', (chunk: Buffer) => {
      for (const data of readFrames(chunk)) {
        const request = data as RequestMessage;
        this.requests.push(request);
        this.#script(request, peer);
      }
    });
    // A disconnected client does not fail the test.
    socket.on('error', () => {});
    socket.on('close', () => this.#sockets.delete(socket));
  }
}
