import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

/**
 * A client on the level of bytes and frames, which can also violate the protocol. It never closes the connection by
 * itself, not even after the other side has.
 */
export interface RawPeer {
  readonly socket: Socket;
  /** Sends text or bytes unchanged. */
  write(chunk: string | Uint8Array): void;
  /** Sends one frame with this `data`. */
  send(data: unknown): void;
  /** The `data` of the next unread frame. */
  nextData(): Promise<unknown>;
  /** The number of unread frames. */
  countQueuedFrames(): number;
  /** Resolves when either side has closed the connection. */
  readonly closed: Promise<void>;
}

export async function connectRawPeer(path: string): Promise<RawPeer> {
  const socket = connect({ path, allowHalfOpen: true });
  await once(socket, 'connect');
  const frames: unknown[] = [];
  const waiters: { readonly resolve: (data: unknown) => void; readonly reject: (error: Error) => void }[] =
    [];
  let partialFrame = '';
  socket.setEncoding('utf8');
  socket.on('data', (chunk: string) => {
    const completeFrames = (partialFrame + chunk).split('\f');
    partialFrame = completeFrames.pop() ?? '';
    for (const frame of completeFrames) {
      const { data } = JSON.parse(frame) as { readonly data: unknown };
      const waiter = waiters.shift();
      if (waiter === undefined) frames.push(data);
      else waiter.resolve(data);
    }
  });
  // A reset closes the connection too.
  socket.on('error', () => undefined);
  const closed = new Promise<void>((resolve) => {
    const handleClose = (): void => {
      for (const { reject } of waiters.splice(0)) reject(new Error('the connection has closed'));
      resolve();
    };
    socket.once('end', handleClose);
    socket.once('close', handleClose);
  });
  return {
    socket,
    closed,
    write: (chunk) => void socket.write(chunk),
    send: (data) => void socket.write(`${JSON.stringify({ type: 'iam-token', data })}\f`),
    nextData: () =>
      frames.length > 0
        ? Promise.resolve(frames.shift())
        : new Promise((resolve, reject) => {
            waiters.push({ resolve, reject });
          }),
    countQueuedFrames: () => frames.length,
  };
}
