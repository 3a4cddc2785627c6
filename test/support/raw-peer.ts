import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

/**
 * A client that knows bytes and frames and nothing else, so that it can do what no decent client does. It never ends
 * the connection by itself, not even when the other side has.
 */
export interface RawPeer {
  readonly socket: Socket;
  /** Sends text or bytes as they are. */
  write(piece: string | Uint8Array): void;
  /** Sends one frame with this `data`. */
  send(data: unknown): void;
  /** The `data` of the next frame that has not been taken yet. */
  next(): Promise<unknown>;
  /** Frames that came and were not taken. */
  untaken(): number;
  /** Resolves when nothing more can come, whoever ended it. */
  readonly gone: Promise<void>;
}

export async function rawPeer(path: string): Promise<RawPeer> {
  const socket = connect({ path, allowHalfOpen: true });
  await once(socket, 'connect');
  const frames: unknown[] = [];
  const takers: { readonly take: (data: unknown) => void; readonly fail: (error: Error) => void }[] = [];
  let rest = '';
  socket.setEncoding('utf8');
  socket.on('data', (piece: string) => {
    const parts = (rest + piece).split('\f');
    rest = parts.pop() ?? '';
    for (const part of parts) {
      const { data } = JSON.parse(part) as { readonly data: unknown };
      const taker = takers.shift();
      if (taker === undefined) frames.push(data);
      else taker.take(data);
    }
  });
  // A reset is one way to be cut off.
  socket.on('error', () => undefined);
  const gone = new Promise<void>((resolve) => {
    const over = (): void => {
      for (const { fail } of takers.splice(0)) fail(new Error('the connection is gone'));
      resolve();
    };
    socket.once('end', over);
    socket.once('close', over);
  });
  return {
    socket,
    gone,
    write: (piece) => void socket.write(piece),
    send: (data) => void socket.write(`${JSON.stringify({ type: 'iam-token', data })}\f`),
    next: () =>
      frames.length > 0
        ? Promise.resolve(frames.shift())
        : new Promise((take, fail) => {
            takers.push({ take, fail });
          }),
    untaken: () => frames.length,
  };
}
