import { createConnection, type Socket } from 'node:net';

export interface Wire {
  readonly socket: Socket;
  /** What the listener gets is its own until it returns. */
  readonly onBytes: (listener: (bytes: Uint8Array) => void) => void;
}

/**
 * Begins to connect. What comes is read into a buffer of our own (`onread`): the stream's usual way takes a new process
 * 0.3 ms longer.
 */
export function openWire(path: string): Wire {
  const buffer = Buffer.allocUnsafe(16_384);
  let tell: (bytes: Uint8Array) => void = () => {};
  const callback = (length: number): true => {
    tell(buffer.subarray(0, length));
    return true;
  };
  const socket = createConnection({ path, onread: { buffer, callback } });
  return {
    socket,
    onBytes: (listener) => {
      tell = listener;
    },
  };
}
