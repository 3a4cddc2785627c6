/**
 * A D-Bus client with what the Secret Service needs: calls one after the other, and waiting for a signal.
 *
 * Our own, where a library would be the habit: those on npm bring 5 to 15 packages, XML parsers for introspection
 * among them, into a process that handles every credential, and the whole project's budget is 45 packages.
 * What we need of the protocol fits in this file and `dbus-message.ts`, and has not changed since 2006.
 */
import { connect, type Socket } from 'node:net';
import { unescape } from 'node:querystring';
import { orAborted } from '../shared/or-aborted.ts';
import {
  DBusPeerError,
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

const bus = {
  destination: 'org.freedesktop.DBus',
  path: '/org/freedesktop/DBus',
  interface: 'org.freedesktop.DBus',
};

/**
 * Where the session bus listens, as paths for `net.connect`, the one to try first in front. Empty where the environment
 * names no bus that can be reached. An abstract one begins with a zero byte, and is reached from Node 22 on: Node 20
 * (tried: 20.20) pads its name with zeros.
 *
 * "Server Addresses" of the D-Bus Specification. As in GLib, which libsecret uses, the bus of the runtime folder
 * counts only while no address is set, and an empty address is no bus. Nothing here starts a bus (`autolaunch:`).
 */
export function sessionBusPaths(environment: NodeJS.ProcessEnv): readonly string[] {
  const { DBUS_SESSION_BUS_ADDRESS: addresses, XDG_RUNTIME_DIR: runtimeFolder = '' } = environment;
  if (addresses === undefined) return runtimeFolder === '' ? [] : [`${runtimeFolder}/bus`];
  return addresses.split(';').flatMap((address) => {
    const [, key, escaped = ''] =
      /^unix:(?:.*,)?(path|abstract)=((?:[^,%]|%[\da-fA-F]{2})+)(?:,|$)/.exec(address) ?? [];
    const name = unescape(escaped);
    if (name === '' || name.includes('\0')) return [];
    return [key === 'abstract' ? `\0${name}` : name];
  });
}

/** For one thing after the other; of no further use once a wait has failed or was aborted. */
export class DBusConnection {
  readonly #socket: Socket;
  /** What came while something else was awaited. */
  readonly #unread: DBusMessage[] = [];
  #lastSerial = 0;
  #wake = (): void => {};

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('readable', () => this.#wake());
    socket.on('close', () => this.#wake());
    socket.on('error', () => undefined); // `close` follows, and whoever reads is told
  }

  /**
   * A connection to the first of `paths` that lets us in.
   * @param uid whose bus it is: the one this process runs as
   * @throws DBusPeerError, DBusError, or the signal's reason
   */
  static async open(paths: readonly string[], uid: number, signal: AbortSignal): Promise<DBusConnection> {
    let failure: unknown = new DBusPeerError('no address of a D-Bus session bus');
    for (const path of paths) {
      const connection = new DBusConnection(connect(path));
      try {
        await connection.#authenticate(uid, signal);
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

  /** @throws DBusError, DBusPeerError, or the signal's reason */
  async call(call: MethodCall, signal: AbortSignal): Promise<readonly DBusValue[]> {
    const serial = ++this.#lastSerial;
    this.#socket.write(encodeMessage({ kind: 'call', serial, body: [], ...call }));
    const message = await this.#first(({ replySerial }) => replySerial === serial, signal);
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
    await cause();
    return this.#first((message) => matches.some((match) => fits(message, match)), signal);
  }

  close(): void {
    this.#socket.destroy();
  }

  /** "Authentication Protocol": EXTERNAL, as the user whose credentials the kernel shows the bus anyway. */
  async #authenticate(uid: number, signal: AbortSignal): Promise<void> {
    this.#socket.write(`\0AUTH EXTERNAL ${Buffer.from(String(uid)).toString('hex')}\r\n`);
    const word = await this.#bytes('OK '.length, signal);
    if (word.toString() !== 'OK ') throw new DBusPeerError('the D-Bus peer did not let us in');
    // Its GUID: 16 bytes in hexadecimal.
    await this.#bytes(32 + '\r\n'.length, signal);
    this.#socket.write('BEGIN\r\n');
  }

  async #first(accepts: (message: DBusMessage) => boolean, signal: AbortSignal): Promise<DBusMessage> {
    for (let at = 0; ; at += 1) {
      const message = this.#unread[at] ?? (await this.#message(signal));
      if (accepts(message)) {
        this.#unread.splice(at, 1);
        return message;
      }
      this.#unread[at] = message;
    }
  }

  async #message(signal: AbortSignal): Promise<DBusMessage> {
    const prefix = await this.#bytes(prefixBytes, signal);
    const rest = await this.#bytes(messageBytes(prefix) - prefixBytes, signal);
    return decodeMessage(Buffer.concat([prefix, rest]));
  }

  async #bytes(count: number, signal: AbortSignal): Promise<Buffer> {
    if (count === 0) return Buffer.alloc(0);
    for (;;) {
      const bytes = this.#socket.read(count) as Buffer | null;
      if (bytes?.length === count) return bytes;
      const { destroyed, errored: cause } = this.#socket;
      if (destroyed) {
        throw new DBusPeerError(cause?.message ?? 'the D-Bus connection was closed', { cause });
      }
      await orAborted(new Promise<void>((resolve) => (this.#wake = resolve)), signal);
    }
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
