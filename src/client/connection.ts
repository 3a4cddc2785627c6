import { encodeFrame, FrameError, FrameReader } from '../protocol/frames.ts';
import {
  type Answer,
  type EventMessage,
  maxFrameBytes,
  type Method,
  type Params,
  protocolVersion,
} from '../protocol/messages.ts';
import type { Problem } from '../shared/errors.ts';
import { IamTokenError } from './iam-token-error.ts';
import { checkIncoming } from './incoming.ts';
import type { AskedMethod } from './token-method.ts';
import type { Wire } from './wire.ts';
import { inWords, type Patience, whenOver } from './patience.ts';

interface Waiting {
  readonly succeed: (result: unknown) => void;
  readonly fail: (reason: unknown) => void;
}

/** Methods that carry a secret: never sent to a socket whose folder is not ours alone. */
const secretMethods: ReadonlySet<Method> = new Set(['login']);

/**
 * One connection to the daemon. Requests may be pipelined; their answers come in any order. Whatever breaks the
 * protocol ends the connection and every request on it.
 */
export class Connection {
  readonly #wire: Wire;
  readonly #mayCarrySecrets: boolean;
  readonly #frames = new FrameReader();
  readonly #waiting = new Map<number, Waiting>();
  #lastId = 0;
  #broken: IamTokenError | null = null;
  #onEvent: (event: EventMessage) => void = () => {};
  readonly #ended: Promise<void>;

  /**
   * @param wire connected
   * @param mayCarrySecrets whether the socket's folder is private
   */
  constructor(wire: Wire, mayCarrySecrets: boolean) {
    this.#wire = wire;
    this.#mayCarrySecrets = mayCarrySecrets;
    wire.receive = (text) => this.#read(text);
    wire.socket.on('error', (cause) => this.#break('the connection to the daemon broke', cause));
    this.#ended = new Promise((resolve) => {
      wire.socket.once('close', () => {
        this.#break('the daemon closed the connection before it answered');
        resolve();
      });
    });
  }

  /**
   * @throws IamTokenError, also `unavailable` when patience ends first; the reason of the caller's signal when that
   *   aborts
   */
  ask<M extends Method>(method: AskedMethod<M>, params: Params<M>, patience: Patience): Promise<Answer<M>> {
    return new Promise<unknown>((resolve, reject) => {
      this.checkSecrecy(method.name);
      if (this.#broken !== null) throw this.#broken;
      this.#lastId += 1;
      const id = this.#lastId;
      const frame = encodeFrame({ v: protocolVersion, id, method: method.name, params });
      if (Buffer.byteLength(frame) - 1 > maxFrameBytes) {
        throw new IamTokenError('bad_request', `a request has at most ${maxFrameBytes} bytes`);
      }
      const late = (): IamTokenError =>
        new IamTokenError('unavailable', `the daemon did not answer within ${inWords(patience.timeoutMs)}`, {
          hint: 'iam-token status',
        });
      let unwatch = (): void => {};
      const settled = (): void => {
        this.#waiting.delete(id);
        unwatch();
      };
      const fail = (reason: unknown): void => {
        settled();
        reject(reason instanceof Error ? reason : new Error('aborted', { cause: reason }));
      };
      this.#waiting.set(id, {
        succeed: (result) => {
          settled();
          resolve(result);
        },
        fail,
      });
      unwatch = whenOver(patience, late, fail);
      if (!this.#waiting.has(id)) {
        unwatch();
        return;
      }
      this.#wire.socket.write(frame);
    }).then((result) => this.#checked(method, result));
  }

  /** @throws IamTokenError `bad_request` when `method` carries a secret and this socket must not */
  checkSecrecy(method: Method): void {
    if (this.#mayCarrySecrets || !secretMethods.has(method)) return;
    throw new IamTokenError(
      'bad_request',
      `${method} is refused on a socket whose folder is not yours alone: it would send a secret there`,
      { hint: `run iam-token ${method} where the daemon runs` },
    );
  }

  /**
   * Waits for the other side to end the connection.
   * @throws IamTokenError `unavailable` when patience ends first
   */
  async untilEnded(patience: Patience): Promise<void> {
    let unwatch = (): void => {};
    const over = new Promise<never>((_, reject) => {
      const late = (): IamTokenError =>
        new IamTokenError('unavailable', `the daemon did not end within ${inWords(patience.timeoutMs)}`);
      unwatch = whenOver(patience, late, reject);
    });
    await Promise.race([this.#ended, over]).finally(unwatch);
  }

  /** For what comes after `subscribe`; a new listener replaces the last. */
  onEvent(listener: (event: EventMessage) => void): void {
    this.#onEvent = listener;
  }

  close(): void {
    this.#wire.socket.destroy();
  }

  #read(text: string): void {
    try {
      for (const data of this.#frames.read(text)) this.#take(data);
    } catch (cause) {
      const reason = cause instanceof FrameError ? ` (${cause.message})` : '';
      this.#break(`what answers there does not speak the protocol of iam-tokend${reason}`, cause, 'internal');
    }
  }

  #take(data: unknown): void {
    const incoming = checkIncoming(data);
    switch (incoming.kind) {
      case 'result':
        this.#waiting.get(incoming.id)?.succeed(incoming.result);
        return;
      case 'error': {
        const error = errorOf(incoming.problem);
        if (incoming.id !== null) this.#waiting.get(incoming.id)?.fail(error);
        else for (const { fail } of this.#waiting.values()) fail(error);
        return;
      }
      case 'event':
        this.#onEvent(incoming.event);
        return;
      case 'unknown':
        return;
    }
  }

  #checked<M extends Method>({ name, check }: AskedMethod<M>, result: unknown): Answer<M> {
    try {
      return check(result, `the answer to ${name}`);
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new IamTokenError('internal', `the daemon's answer is not understood: ${reason}`, {}, { cause });
    }
  }

  #break(message: string, cause?: unknown, code: 'unreachable' | 'internal' = 'unreachable'): void {
    if (this.#broken === null) {
      this.#broken = new IamTokenError(code, message, {}, cause === undefined ? {} : { cause });
      for (const { fail } of this.#waiting.values()) fail(this.#broken);
    }
    this.#wire.socket.destroy();
  }
}

function errorOf({ code, message, hint, retryAfterMs }: Problem): IamTokenError {
  const otherRelease =
    'daemon and client are of different releases: iam-token stop, then start iam-tokend anew';
  const said = hint ?? (code === 'unsupported_version' ? otherRelease : undefined);
  return new IamTokenError(code, message, { hint: said, retryAfterMs });
}
