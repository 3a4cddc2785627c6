import { createConnection, type Socket } from 'node:net';
import { number, problem, wrong } from '../protocol/checks.ts';
import { encodeFrame, FrameError, FrameReader } from '../protocol/frames.ts';
import {
  type Answer,
  type EventMessage,
  eventMessage,
  eventNames,
  maxFrameBytes,
  type Method,
  type Params,
  protocolVersion,
} from '../protocol/messages.ts';
import type { CheckedMethod } from '../protocol/token-method.ts';
import type { Problem } from '../shared/errors.ts';
import { messageOf } from '../shared/thrown.ts';
import { IamTokenError } from './iam-token-error.ts';
import { inWords, type Patience, whenOver } from './patience.ts';

/**
 * One connection to the daemon. Requests may be pipelined; their answers come in any order. Whatever breaks the
 * protocol ends the connection and every request on it.
 */
export interface Connection {
  /**
   * @throws IamTokenError, also `unavailable` when patience ends first; the reason of the caller's signal when that
   *   aborts
   */
  ask<M extends Method>(
    method: CheckedMethod<M, Answer<M>>,
    params: Params<M>,
    patience: Patience,
  ): Promise<Answer<M>>;
  /** @throws IamTokenError `bad_request` when `method` carries a secret and this socket must not */
  checkSecrecy(method: Method): void;
  /** For what comes after `subscribe`; a new listener replaces the last. */
  onEvent(listener: (event: EventMessage) => void): void;
  /**
   * Waits for the other side to end the connection.
   * @throws IamTokenError `unavailable` when patience ends first
   */
  untilEnded(patience: Patience): Promise<void>;
  close(): void;
}

interface Waiting {
  readonly succeed: (result: unknown) => void;
  readonly fail: (reason: unknown) => void;
  readonly unwatch: () => void;
}

/** What a frame may hold, still to be checked. */
type Incoming = Partial<Record<'v' | 'id' | 'event' | 'error' | 'result', unknown>>;

/** Methods that carry a secret: never sent to a socket whose folder is not ours alone. */
const secretMethods: ReadonlySet<Method> = new Set(['login', 'unlock']);

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

/**
 * A function and no class, for Node parses the whole text of a class with fields once more when the first is made.
 * @param wire connected
 * @param mayCarrySecrets whether the socket's folder is private
 */
export function connectionOver({ socket, onBytes }: Wire, mayCarrySecrets: boolean): Connection {
  const frames = new FrameReader();
  const waiting = new Map<number, Waiting>();
  let lastId = 0;
  let broken: IamTokenError | null = null;
  let tellEvent: (event: EventMessage) => void = () => {};

  onBytes((bytes) => {
    try {
      for (const data of frames.read(bytes)) take(data);
    } catch (cause) {
      const reason = cause instanceof FrameError ? ` (${cause.message})` : '';
      breakOff('internal', `what answers there does not speak the protocol of iam-tokend${reason}`, {
        cause,
      });
    }
  });
  socket.on('error', (cause) => breakOff('unreachable', 'the connection to the daemon broke', { cause }));
  socket.on('close', () => {
    breakOff('unreachable', 'the daemon closed the connection');
  });

  /** An error is understood in any version, so that a daemon of another one can still say so. */
  function take(data: unknown): void {
    if (typeof data !== 'object' || data === null) return wrong('a message', 'an object');
    const { v, id, event, error, result }: Incoming = data;
    if (error !== undefined) {
      const failure = errorOf(problem(error, 'the error'));
      // The daemon could not tell which request it was.
      for (const each of id === null ? waiting.keys() : [number(id, 'id')]) settled(each)?.fail(failure);
    } else if (v !== protocolVersion) {
      wrong('v', `${protocolVersion}`);
    } else if (event === undefined) {
      settled(number(id, 'id'))?.succeed(result);
    } else if (eventNames.some((known) => known === event)) {
      tellEvent(eventMessage(data, 'an event'));
    }
  }

  function settled(id: number): Waiting | undefined {
    const found = waiting.get(id);
    waiting.delete(id);
    found?.unwatch();
    return found;
  }

  function breakOff(code: 'unreachable' | 'internal', message: string, about?: ErrorOptions): void {
    broken ??= new IamTokenError(code, message, about);
    for (const id of waiting.keys()) settled(id)?.fail(broken);
    socket.destroy();
  }

  function checkSecrecy(method: Method): void {
    if (mayCarrySecrets || !secretMethods.has(method)) return;
    throw new IamTokenError(
      'bad_request',
      `${method} is refused on a socket whose folder is not yours alone: it would send a secret there`,
      { hint: `run iam-token ${method} where the daemon runs` },
    );
  }

  return {
    ask: ({ name, check }, params, patience) =>
      new Promise((resolve, reject) => {
        checkSecrecy(name);
        patience.signal?.throwIfAborted();
        if (broken !== null) throw broken;
        lastId += 1;
        const id = lastId;
        const frame = encodeFrame({ v: protocolVersion, id, method: name, params });
        if (Buffer.byteLength(frame) - 1 > maxFrameBytes) {
          throw new IamTokenError('bad_request', `a request has at most ${maxFrameBytes} bytes`);
        }
        socket.write(frame);
        const succeed = (result: unknown): void => {
          try {
            resolve(check(result, `the answer to ${name}`));
          } catch (cause) {
            const message = `the daemon's answer is not understood: ${messageOf(cause)}`;
            reject(new IamTokenError('internal', message, { cause }));
          }
        };
        const unwatch = whenOver(patience, noAnswer, (reason) => settled(id)?.fail(reason));
        waiting.set(id, { succeed, fail: reject, unwatch });
      }),
    checkSecrecy,
    onEvent: (listener) => {
      tellEvent = listener;
    },
    untilEnded: (patience) =>
      new Promise((resolve, reject) => {
        const unwatch = whenOver(patience, noEnd, reject);
        const ended = (): void => {
          unwatch();
          resolve();
        };
        if (socket.closed) ended();
        else socket.once('close', ended);
      }),
    close: () => socket.destroy(),
  };
}

function noAnswer(timeoutMs: number): IamTokenError {
  return new IamTokenError('unavailable', `the daemon did not answer within ${inWords(timeoutMs)}`, {
    hint: 'iam-token status',
  });
}

function noEnd(timeoutMs: number): IamTokenError {
  return new IamTokenError('unavailable', `the daemon did not end within ${inWords(timeoutMs)}`);
}

function errorOf({ code, message, hint, retryAfterMs }: Problem): IamTokenError {
  const otherRelease =
    'daemon and client are of different releases: iam-token stop, then start iam-tokend anew';
  const said = hint ?? (code === 'unsupported_version' ? otherRelease : undefined);
  return new IamTokenError(code, message, { hint: said, retryAfterMs });
}
