import { eventName, frameEnd, maxFrameBytes } from './messages.ts';

/** One message as it goes over the wire, its end mark included. */
export function encodeFrame(data: unknown): string {
  return JSON.stringify({ type: eventName, data }) + frameEnd;
}

/** What came was no frame of this protocol; the connection cannot be trusted any further. */
export class FrameError extends Error {
  override readonly name = 'FrameError';
}

/** Puts frames together from the pieces in which a socket delivers them. */
export class FrameReader {
  /** The beginning of the next frame. */
  #rest: Uint8Array = Buffer.alloc(0);

  /**
   * @param piece copied, wherever it may have cut a frame or a character
   * @returns the `data` of each frame that it completes
   * @throws FrameError
   */
  read(piece: Uint8Array): readonly unknown[] {
    const bytes = Buffer.concat([this.#rest, piece]);
    const end = bytes.lastIndexOf(frameEnd);
    this.#rest = bytes.subarray(end + 1);
    const frames = end === -1 ? [] : bytes.toString('utf8', 0, end).split(frameEnd);
    if (this.#rest.length > maxFrameBytes || frames.some(isTooLong)) {
      throw new FrameError(`a frame of over ${maxFrameBytes} bytes`);
    }
    return frames.map(dataOf);
  }
}

function isTooLong(frame: string): boolean {
  return Buffer.byteLength(frame) > maxFrameBytes;
}

function dataOf(frame: string): unknown {
  let message: unknown;
  try {
    message = JSON.parse(frame);
  } catch (cause) {
    throw new FrameError('a frame that is not JSON', { cause });
  }
  if (typeof message !== 'object' || message === null || !('type' in message) || message.type !== eventName) {
    throw new FrameError(`a frame that is not of type ${eventName}`);
  }
  return 'data' in message ? message.data : undefined;
}
