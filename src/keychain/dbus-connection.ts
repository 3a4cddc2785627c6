/**
 * A D-Bus client with what the Secret Service needs: calls, their answers, and waiting for a signal.
 *
 * Our own, where a library would be the habit: those on npm bring 5 to 15 packages, XML parsers for introspection
 * among them, into a process that handles every credential, and the whole project's budget is 45 packages.
 * What we need of the protocol fits in this file and `dbus-message.ts`, and has not changed since 2006.
 */
import { connect, type Socket } from 'node:net';
import { orAborted } from './abortable.ts';
import {
  DBusFormatError,
  decodeMessage,
  encodeMessage,
  messageBytes,
  prefixBytes,
  type DBusMessage,
  type DBusValue,
} from './dbus-message.ts';

export interface MethodCall {
  readonly destination: string;
  readonly path: string;
  readonly interface: string;
  readonly member: string;
  readonly signature?: string;
  readonly body?: readonly DBusValue[];
}

/** Which signals are meant; a key that is missing means any. */
export interface SignalMatch {
  readonly path?: string;
  readonly interface: string;
  readonly member: string;
  /** The first argument, a string. */
  readonly arg0?: string;
}

/** The called side answered with an error. */
export class DBusError extends Error {
  override readonly name = 'DBusError';
  /** As the specifications list them, like `org.freedesktop.DBus.Error.ServiceUnknown`. */
  readonly errorName: string;

  constructor(errorName: string, message: string) {
    super(message);
    this.errorName = errorName;
  }
}

/** There is no connection to the bus, or none any more. */
export class DBusConnectionError extends Error {
  override readonly name = 'DBusConnectionError';
}

const bus = {
  destination: 'org.freedesktop.DBus',
  path: '/org/freedesktop/DBus',
  interface: 'org.freedesktop.DBus',
};
const authLineAtMostBytes = 1024;

interface Waiter {
  readonly accepts: (message: DBusMessage) => boolean;
  readonly take: (message: DBusMessage) => void;
  readonly fail: (error: Error) => void;
}

export class DBusConnection {
  readonly #socket: Socket;
  readonly #waiters = new Set<Waiter>();
  #received = Buffer.alloc(0);
  #readMore: () => void = () => {};
  #lastSerial = 0;
  #failure: Error | null = null;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (piece) => {
      this.#received = Buffer.concat([this.#received, piece]);
      try {
        this.#readMore();
      } catch (cause) {
        this.#fail(new DBusConnectionError('the D-Bus peer sent nonsense', { cause }));
      }
    });
    socket.on('error', (cause) => this.#fail(new DBusConnectionError(cause.message, { cause })));
    socket.on('close', () => this.#fail(new DBusConnectionError('the D-Bus connection was closed')));
  }

  /**
   * A connection to the first of `paths` that lets us in.
   * @param uid whose bus it is: the one this process runs as
   * @throws DBusConnectionError, DBusError, or the signal's reason
   */
  static async open(paths: readonly string[], uid: number, signal: AbortSignal): Promise<DBusConnection> {
    let failure: unknown = new DBusConnectionError('no address of a D-Bus session bus');
    for (const path of paths) {
      const connection = new DBusConnection(connect(path));
      try {
        await orAborted(connection.#authenticate(uid), signal);
        await connection.call({ ...bus, member: 'Hello' }, signal);
        return connection;
      } catch (error) {
        connection.close();
        signal.throwIfAborted();
        failure = error;
      }
    }
    throw failure;
  }

  /** @throws DBusError, DBusConnectionError, or the signal's reason */
  async call(call: MethodCall, signal: AbortSignal): Promise<readonly DBusValue[]> {
    const serial = ++this.#lastSerial;
    this.#socket.write(encodeMessage({ kind: 'call', serial, body: [], ...call }));
    const message = await this.#next((message) => message.replySerial === serial, signal);
    if (message.kind === 'return') return message.body;
    const { errorName = '' } = message;
    const [text] = message.body;
    throw new DBusError(errorName, typeof text === 'string' ? text : errorName);
  }

  /**
   * The first signal that one of `matches` means, from before `cause` is called.
   * @throws as `call`, or what `cause` throws
   */
  async signalAfter(
    matches: readonly SignalMatch[],
    cause: () => Promise<unknown>,
    signal: AbortSignal,
  ): Promise<DBusMessage> {
    for (const match of matches) {
      await this.call({ ...bus, member: 'AddMatch', signature: 's', body: [ruleOf(match)] }, signal);
    }
    const awaited = this.#next((message) => matches.some((match) => fits(message, match)), signal);
    const [message] = await Promise.all([awaited, cause()]);
    return message;
  }

  close(): void {
    this.#fail(new DBusConnectionError('the D-Bus connection was closed'));
  }

  /** "Authentication Protocol": EXTERNAL, as the user whose credentials the kernel shows the bus anyway. */
  #authenticate(uid: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const waiter: Waiter = { accepts: () => false, take: () => {}, fail: reject };
      this.#waiters.add(waiter);
      this.#readMore = () => {
        const end = this.#received.indexOf('\r\n');
        if (end < 0 && this.#received.length < authLineAtMostBytes) return;
        if (!this.#received.subarray(0, 3).equals(Buffer.from('OK '))) {
          throw new DBusFormatError('the D-Bus peer did not let us in');
        }
        this.#received = this.#received.subarray(end + 2);
        this.#socket.write('BEGIN\r\n');
        this.#waiters.delete(waiter);
        this.#readMore = () => this.#readMessages();
        resolve();
      };
      this.#socket.write(`\0AUTH EXTERNAL ${Buffer.from(String(uid)).toString('hex')}\r\n`);
    });
  }

  #readMessages(): void {
    while (this.#received.length >= prefixBytes) {
      const length = messageBytes(this.#received);
      if (this.#received.length < length) return;
      const message = decodeMessage(this.#received.subarray(0, length));
      this.#received = this.#received.subarray(length);
      for (const waiter of this.#waiters) {
        if (waiter.accepts(message)) waiter.take(message);
      }
    }
  }

  #next(accepts: (message: DBusMessage) => boolean, signal: AbortSignal): Promise<DBusMessage> {
    let waiter: Waiter | undefined;
    const next = new Promise<DBusMessage>((take, fail) => {
      waiter = { accepts, take, fail };
      this.#waiters.add(waiter);
      if (this.#failure !== null) fail(this.#failure);
    });
    return orAborted(next, signal).finally(() => waiter && this.#waiters.delete(waiter));
  }

  #fail(error: Error): void {
    if (this.#failure !== null) return;
    this.#failure = error;
    this.#socket.destroy();
    for (const waiter of this.#waiters) waiter.fail(error);
    this.#waiters.clear();
  }
}

function ruleOf(match: SignalMatch): string {
  const entries = Object.entries({ type: 'signal', ...match });
  return entries.map(([key, value]) => `${key}='${value}'`).join(',');
}

function fits(message: DBusMessage, match: SignalMatch): boolean {
  return (
    message.kind === 'signal' &&
    message.interface === match.interface &&
    message.member === match.member &&
    (match.path === undefined || message.path === match.path) &&
    (match.arg0 === undefined || message.body[0] === match.arg0)
  );
}
