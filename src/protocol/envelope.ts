/** Wire protocol, version 1: the messages on the socket and the frames that carry them. PROTOCOL.md documents both. */
import * as v from 'valibot';
import { type ErrorCode, errorCodes, type WireProblem } from '../shared/errors.ts';
import { isObject, type Validated } from './validate.ts';

export const protocolVersion = 1;
/** The only event name of node-ipc in use: requests are told apart by `method`. */
export const ipcEventName = 'iam-token';
/** Upper limit for the JSON of a frame, without the delimiter. */
export const maxFrameBytes = 65_536;
/** Ends each frame: the form feed of node-ipc. */
export const frameDelimiter = '\f';

export interface RequestMessage {
  readonly v: number;
  readonly id: number;
  readonly method: string;
  readonly params?: unknown;
}

export type ResponseMessage =
  | { readonly v: number; readonly id: number | null; readonly result: unknown }
  | { readonly v: number; readonly id: number | null; readonly error: WireProblem };

export type EventMessage = Validated<typeof eventMessage>;

/** Sent after `subscribe`. A newer daemon may send other events: clients ignore them. */
export const eventNames = ['rotated', 'failing', 'login_required', 'locked'] as const;

export const eventMessage = () =>
  v.object({
    v: number(),
    event: v.picklist(eventNames),
    params: v.object({
      profile: v.string(),
      expiresAt: v.exactOptional(timestamp()),
      problem: v.exactOptional(problem()),
    }),
  });

/** RFC 3339, UTC, with milliseconds. */
export const timestamp = () =>
  v.custom<string>(isTimestamp, 'must be an RFC 3339 time in UTC with milliseconds');

/** JSON allows any number, such as 1e999: times and counts are at most 2^53. */
export const number = () => v.custom<number>(isBoundedNumber, 'must be a number of at most 2^53');

export const problem = () =>
  v.object({
    code: v.pipe(v.string(), v.transform(knownErrorCode)),
    message: v.string(),
    hint: v.exactOptional(v.string()),
    retryAfterMs: v.exactOptional(number()),
  });

function isTimestamp(value: unknown): boolean {
  return (
    typeof value === 'string' &&
    /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/.test(value) &&
    !Number.isNaN(Date.parse(value))
  );
}

function isBoundedNumber(value: unknown): boolean {
  return typeof value === 'number' && Math.abs(value) <= Number.MAX_SAFE_INTEGER;
}

/** A newer daemon may send other codes; their message still says what happened. */
function knownErrorCode(code: string): ErrorCode {
  return errorCodes.find((known) => known === code) ?? 'internal';
}

/** A message as it goes over the wire, including the delimiter. */
export function encodeFrame(data: unknown): string {
  return JSON.stringify({ type: ipcEventName, data }) + frameDelimiter;
}

/**
 * Reassembles frames from the chunks that a socket delivers. The reader takes a chunk, which may end within a frame or
 * a character, and returns the `data` of each frame that the chunk completes.
 * @throws Error if the bytes are not a frame of this protocol: close the connection
 */
export function createFrameReader(): (chunk: Uint8Array) => readonly unknown[] {
  let partialFrame: Uint8Array = Buffer.alloc(0);
  return (chunk) => {
    const bytes = Buffer.concat([partialFrame, chunk]);
    const end = bytes.lastIndexOf(frameDelimiter);
    partialFrame = bytes.subarray(end + 1);
    const frames = end === -1 ? [] : bytes.toString('utf8', 0, end).split(frameDelimiter);
    if (partialFrame.length > maxFrameBytes || frames.some(isTooLong)) {
      throw new Error(`a frame has more than ${maxFrameBytes} bytes`);
    }
    return frames.map(parseFrame);
  };
}

function isTooLong(frame: string): boolean {
  return Buffer.byteLength(frame) > maxFrameBytes;
}

function parseFrame(frame: string): unknown {
  let message: unknown;
  try {
    message = JSON.parse(frame);
  } catch (cause) {
    throw new Error('a frame is not JSON', { cause });
  }
  if (!isObject(message) || !('type' in message) || message.type !== ipcEventName) {
    throw new Error(`a frame is not of type ${ipcEventName}`);
  }
  return 'data' in message ? message.data : undefined;
}
