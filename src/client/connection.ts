import type { Socket } from 'node:net';
import {
  createFrameReader,
  encodeFrame,
  eventMessage,
  type EventMessage,
  eventNames,
  maxFrameBytes,
  problem,
  protocolVersion,
} from '../protocol/envelope.ts';
import type { CallParams, Method, MethodDefinition, MethodResult } from '../protocol/method-types.ts';
import { isObject, type Schema, validate } from '../protocol/validate.ts';
import { errorMessage } from '../shared/error-utils.ts';
import { daemonHint, receivedHint } from '../shared/hint.ts';
import { IamTokenError, type WireProblem } from '../shared/errors.ts';
import { beforeDeadline, type Deadline } from './deadline.ts';

/**
 * One connection to the daemon. Requests may be pipelined; responses arrive in any order. A violation of the protocol
 * closes the connection, and all pending requests fail.
 */
export interface Connection {
  /**
   * @throws IamTokenError: the daemon's error; `unavailable` on a timeout; `unreachable` if the connection closes;
   *   `internal` for an invalid response. The reason of the deadline's signal when that aborts
   */
  call<M extends Method>(
    method: MethodDefinition<M>,
    params: CallParams<M>,
    deadline: Deadline,
  ): Promise<MethodResult<M>>;
  /** @throws IamTokenError `bad_request` if `method` carries a secret and the socket's folder is not private */
  assertMayCarrySecrets(method: Method): void;
  /** Receives the events after `subscribe`; replaces the previous listener. */
  onEvent(listener: (event: EventMessage) => void): void;
  /** Resolves once the connection is closed, by either side. */
  readonly closed: Promise<void>;
  /**
   * Waits for the daemon to close the connection.
   * @throws IamTokenError `unavailable` on a timeout; the reason of the deadline's signal when that aborts
   */
  waitForClose(deadline: Deadline): Promise<void>;
  /** Lets the process end while the connection is open. */
  unref(): void;
  close(): void;
}

/** A connected socket. */
export interface Transport {
  readonly socket: Socket;
  /** The listener may use the bytes until it returns. */
  readonly onData: (listener: (bytes: Uint8Array) => void) => void;
}

const methodsWithSecrets: ReadonlySet<Method> = new Set(['login', 'unlock']);

/**
 * A function rather than a class: Node parses the source of a class with fields a second time at the first `new`.
 * @param mayCarrySecrets whether the socket's folder is private
 */
export function openConnection({ socket, onData }: Transport, mayCarrySecrets: boolean): Connection {
  const pendingCalls = createPendingCalls();
  let eventListener: (event: EventMessage) => void = () => {};
  const readFrames = createFrameReader();
  onData((bytes) => {
    try {
      for (const data of readFrames(bytes)) handleMessage(data, pendingCalls, eventListener);
    } catch (cause) {
      const message = `the program at this socket does not speak the protocol of iam-tokend (${errorMessage(cause)})`;
      fail('internal', message, { cause });
    }
  });
  socket.on('error', (cause) => fail('unreachable', 'lost the connection to the daemon', { cause }));
  const closed = new Promise<void>((resolve) =>
    socket.once('close', () => {
      fail('unreachable', 'the daemon closed the connection');
      resolve();
    }),
  );

  function fail(code: 'unreachable' | 'internal', message: string, options?: ErrorOptions): void {
    pendingCalls.fail(new IamTokenError({ code, message }, options));
    socket.destroy();
  }

  function assertMayCarrySecrets(method: Method): void {
    if (mayCarrySecrets || !methodsWithSecrets.has(method)) return;
    throw new IamTokenError({
      code: 'bad_request',
      message: `${method} is refused on this socket: its folder is not private, and ${method} sends a secret`,
      hint: `run iam-token ${method} where the daemon runs`,
    });
  }

  return {
    call: async (method, params, deadline) => {
      assertMayCarrySecrets(method.name);
      deadline.signal?.throwIfAborted();
      const { id, response } = pendingCalls.add();
      try {
        socket.write(encodeRequest(id, method.name, params));
        // Built while the daemon works: `iam-token` prints its token 0.2 ms sooner.
        const schema = method.result();
        const result = await beforeDeadline(response, deadline, responseTimeoutError);
        return parseResult(method.name, schema, result);
      } finally {
        pendingCalls.remove(id);
      }
    },
    assertMayCarrySecrets,
    onEvent: (listener) => {
      eventListener = listener;
    },
    closed,
    waitForClose: (deadline) => beforeDeadline(closed, deadline, closeTimeoutError),
    unref: () => socket.unref(),
    close: () => socket.destroy(),
  };
}

/** Requests that wait for their response, by id. */
interface PendingCalls {
  /** @throws the error of `fail` */
  add(): { readonly id: number; readonly response: Promise<unknown> };
  /** Ignores the response to `id` from now on. */
  remove(id: number): void;
  resolve(id: number, result: unknown): void;
  reject(id: number, error: Error): void;
  rejectAll(error: Error): void;
  /** Rejects all calls, present and future. Only the first error counts. */
  fail(error: Error): void;
}

interface PendingCall {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: Error) => void;
}

function createPendingCalls(): PendingCalls {
  const calls = new Map<number, PendingCall>();
  let lastId = 0;
  let failure: Error | undefined;

  function rejectAll(error: Error): void {
    for (const call of calls.values()) call.reject(error);
  }

  return {
    add: () => {
      if (failure !== undefined) throw failure;
      lastId += 1;
      const id = lastId;
      const response = new Promise((resolve, reject) => calls.set(id, { resolve, reject }));
      return { id, response };
    },
    remove: (id) => void calls.delete(id),
    resolve: (id, result) => calls.get(id)?.resolve(result),
    reject: (id, error) => calls.get(id)?.reject(error),
    rejectAll,
    fail: (error) => {
      failure ??= error;
      rejectAll(failure);
    },
  };
}

function encodeRequest(id: number, method: Method, params: object): string {
  const frame = encodeFrame({ v: protocolVersion, id, method, params });
  if (Buffer.byteLength(frame) - 1 <= maxFrameBytes) return frame;
  throw new IamTokenError({
    code: 'bad_request',
    message: `the request is longer than ${maxFrameBytes} bytes`,
  });
}

/** A message before its fields are checked. */
type UncheckedMessage = Partial<Record<'v' | 'id' | 'event' | 'error' | 'result', unknown>>;

/** @throws Error if `data` is not a message of the protocol */
function handleMessage(
  data: unknown,
  pendingCalls: PendingCalls,
  onEvent: (event: EventMessage) => void,
): void {
  if (!isObject(data)) throw new Error('a message must be an object');
  const { v, id, event, error, result }: UncheckedMessage = data;
  if (error !== undefined) {
    // Errors are read in any version: a daemon of another one can report `unsupported_version`.
    const remoteError = remoteErrorOf(parse(problem(), error, 'error'));
    // The daemon could not read the id of the request.
    if (id === null) pendingCalls.rejectAll(remoteError);
    else pendingCalls.reject(requireId(id), remoteError);
  } else if (v !== protocolVersion) {
    throw new Error(`v must be ${protocolVersion}`);
  } else if (event === undefined) {
    pendingCalls.resolve(requireId(id), result);
  } else if (eventNames.some((eventName) => eventName === event)) {
    onEvent(parse(eventMessage(), data, 'event'));
  }
}

function parse<T>(schema: Schema<T>, value: unknown, name: string): T {
  const validation = validate(schema, value, name);
  if (!validation.ok) throw new Error(validation.issue);
  return validation.value;
}

function requireId(id: unknown): number {
  if (typeof id !== 'number') throw new Error('id must be a number');
  return id;
}

function parseResult<M extends Method>(method: M, schema: Schema, result: unknown): MethodResult<M> {
  try {
    return parse(schema as Schema<MethodResult<M>>, result, 'result');
  } catch (cause) {
    const message = `the daemon sent an invalid response to ${method}: ${errorMessage(cause)}`;
    throw new IamTokenError({ code: 'internal', message }, { cause });
  }
}

function responseTimeoutError(timeout: string): IamTokenError {
  return new IamTokenError({
    code: 'unavailable',
    message: `the daemon did not answer within ${timeout}`,
    hint: daemonHint('iam-token doctor'),
  });
}

function closeTimeoutError(timeout: string): IamTokenError {
  return new IamTokenError({
    code: 'unavailable',
    message: `the daemon did not stop within ${timeout}`,
  });
}

function remoteErrorOf(remoteProblem: WireProblem): IamTokenError {
  const { code } = remoteProblem;
  const mismatchHint = 'daemon and client are of different releases: iam-token stop, then restart iam-tokend';
  return new IamTokenError({
    ...remoteProblem,
    hint:
      receivedHint(remoteProblem) ?? (code === 'unsupported_version' ? daemonHint(mismatchHint) : undefined),
  });
}
