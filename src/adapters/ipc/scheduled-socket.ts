import type { Socket } from 'node:net';
import { frameDelimiter } from '../../protocol/envelope.ts';
import type { ConnectionUser, FairScheduler, ScheduledConnection } from './fair-scheduler.ts';

/** Frames before the first check of the time and of the output; more between later ones, if the frames take little time. */
const framesBeforeCheck = 4;
/**
 * A turn ends when it has written so much: if the peer does not read, this and one response are held in memory. The limit
 * doubles with each such turn as long as the peer reads.
 */
const outputBytesPerTurn = { min: 16 * 1024, max: 256 * 1024 };

export interface ScheduledSocketParts {
  readonly scheduler: FairScheduler;
  readonly user: ConnectionUser;
  readonly now: () => number;
  /** Parses and handles frames. */
  readonly receive: (text: string) => void;
  /** The length of the unfinished frame that `receive` keeps. */
  readonly countPartialFrame: () => number;
  readonly close: (reason: string) => void;
}

/** Lets the scheduler decide when the frames of a socket are read and handled. @returns call it after a write */
export function scheduleSocket(
  socket: Socket,
  parts: ScheduledSocketParts,
): Pick<ScheduledConnection, 'update'> {
  const { now, receive, scheduler } = parts;
  const input = new FrameInput();
  let maxOutputBytes = outputBytesPerTurn.min;

  function serve(maxRequests: number, maxMs: number): number {
    const startMs = now();
    let elapsedMs = 0;
    let batchSize = framesBeforeCheck;
    let count = 0;
    socket.cork();
    do {
      const { text, frameCount } = input.take(Math.min(batchSize, maxRequests - count));
      count += frameCount;
      receive(text);
      elapsedMs = now() - startMs;
      if (elapsedMs < maxMs / 8) batchSize *= 2;
    } while (
      elapsedMs < maxMs &&
      count < maxRequests &&
      socket.writableLength < maxOutputBytes &&
      !input.isEmpty &&
      !socket.destroyed
    );
    const isLimitReached = socket.writableLength >= maxOutputBytes;
    socket.uncork();
    if (socket.writableLength > 0) maxOutputBytes = outputBytesPerTurn.min;
    else if (isLimitReached) maxOutputBytes = Math.min(2 * maxOutputBytes, outputBytesPerTurn.max);
    return count;
  }

  const scheduled = scheduler.add(parts.user, {
    serve,
    get hasInput() {
      return !input.isEmpty;
    },
    get hasUnreadOutput() {
      return socket.writableLength > 0 && socket.writableCorked === 0;
    },
    get heldBytes() {
      return input.length + socket.writableLength + parts.countPartialFrame();
    },
    startReading: () => startReading(socket),
    stopReading: () => stopReading(socket),
    close: parts.close,
  });
  socket.on('data', (chunk: string) => {
    input.append(chunk);
    scheduled.onInput();
  });
  socket.on('drain', () => scheduled.update());
  socket.once('close', () => {
    input.clear();
    scheduled.remove();
  });
  return scheduled;
}

/** What a connection has received and node-ipc has not parsed yet. */
export class FrameInput {
  #text = '';
  #position = 0;

  get isEmpty(): boolean {
    return this.#position === this.#text.length;
  }

  get length(): number {
    return this.#text.length - this.#position;
  }

  append(chunk: string): void {
    this.#text = this.isEmpty ? chunk : this.#text.slice(this.#position) + chunk;
    this.#position = 0;
  }

  /** The next frames, at most `maxFrames`; with the last one also the beginning of an unfinished frame. */
  take(maxFrames: number): { readonly text: string; readonly frameCount: number } {
    let end = this.#position;
    let frameCount = 0;
    while (frameCount < maxFrames) {
      const delimiterAt = this.#text.indexOf(frameDelimiter, end);
      if (delimiterAt === -1) break;
      end = delimiterAt + 1;
      frameCount += 1;
    }
    if (frameCount < maxFrames || !this.#text.includes(frameDelimiter, end)) end = this.#text.length;
    const text = this.#text.slice(this.#position, end);
    this.#position = end;
    if (this.isEmpty) this.clear();
    return { text, frameCount };
  }

  clear(): void {
    this.#text = '';
    this.#position = 0;
  }
}

/** The reading side of libuv's handle, undocumented: the same in Node 20 to 26. */
interface ReadableHandle {
  reading: boolean;
  readStart(): void;
  readStop(): void;
}

/** `pause` alone would read another 64 KiB. The socket's `highWaterMark` must be 0, or Node reads ahead again. */
function stopReading(socket: Socket): void {
  socket.pause();
  const handle = handleOf(socket);
  if (handle === null || !handle.reading) return;
  handle.reading = false;
  handle.readStop();
}

function startReading(socket: Socket): void {
  socket.resume();
  const handle = handleOf(socket);
  if (handle === null || handle.reading) return;
  handle.reading = true;
  handle.readStart();
}

function handleOf(socket: Socket): ReadableHandle | null {
  const { _handle: handle } = socket as { readonly _handle?: ReadableHandle | null };
  return handle ?? null;
}
