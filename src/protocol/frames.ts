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
  #rest = '';

  /**
   * @returns the `data` of each frame that `piece` completes
   * @throws FrameError
   */
  read(piece: string): readonly unknown[] {
    const frames = (this.#rest + piece).split(frameEnd);
    this.#rest = frames.pop() ?? '';
    if (frames.some(isTooLong) || isTooLong(this.#rest)) {
      throw new FrameError(`a frame of over ${maxFrameBytes} bytes`);
    }
    return frames.map(dataOf);
  }
}

/** A character of JavaScript's has 3 bytes at most. */
function isTooLong(frame: string): boolean {
  return frame.length * 3 > maxFrameBytes && Buffer.byteLength(frame) > maxFrameBytes;
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
