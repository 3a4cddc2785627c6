/**
 * A D-Bus client with the features that the Secret Service needs: sequential calls, and waiting for a signal.
 *
 * Not a library: those on npm add 5 to 15 packages, including XML parsers, to a process that handles every credential.
 * The necessary part of the protocol fits in this file and `dbus-message.ts`, and has not changed since 2006.
 */
import { connect, type Socket } from 'node:net';
import { unescape } from 'node:querystring';
import { raceSignal } from '../../shared/race-signal.ts';
import {
  DBusConnectionError,
  decodeMessage,
  encodeMessage,
  messageByteLength,
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

/** Selects signals; a missing key matches any value. */
export interface SignalMatch {
  readonly path?: string;
  readonly interface: string;
  readonly member: string;
  /** The first argument, a string. */
  readonly arg0?: string;
}

/** An error response of the called service. */
export class DBusError extends Error {
  override readonly name = 'DBusError';
  /** Such as `org.freedesktop.DBus.Error.ServiceUnknown`. */
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
 * The sockets of the session bus as paths for `net.connect`, in the order to try them. A path that begins with a zero byte
 * is an abstract socket, which requires Node 22: Node 20 (tested: 20.20) pads its name with zeros.
 *
 * "Server Addresses" of the D-Bus Specification. As in GLib, which libsecret uses, the socket in the runtime folder is used
 * only if no address is set, an empty address is no bus, and no bus is started (`autolaunch:`).
 */
export function parseSessionBusPaths(environment: NodeJS.ProcessEnv): readonly string[] {
  const { DBUS_SESSION_BUS_ADDRESS: addresses, XDG_RUNTIME_DIR: runtimeFolder = '' } = environment;
  if (addresses === undefined) return runtimeFolder === '' ? [] : [`${runtimeFolder}/bus`];
  return addresses.split(';').flatMap((address) => {
    const [, key, escapedName = ''] =
      /^unix:(?:.*,)?(path|abstract)=((?:[^,%]|%[\da-fA-F]{2})+)(?:,|$)/.exec(address) ?? [];
    const name = unescape(escapedName);
    if (name === '' || name.includes('\0')) return [];
    return [key === 'abstract' ? `\0${name}` : name];
  });
}

/** For sequential use. */
export class DBusConnection {
  readonly #socket: Socket;
  #isFailed = false;
  /** Messages that arrived while another one was awaited. */
  readonly #unreadMessages: DBusMessage[] = [];
  #lastSerial = 0;
  #wakeReader = (): void => {};

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('readable', () => this.#wakeReader());
    socket.on('close', () => this.#wakeReader());
    socket.on('error', () => undefined); // `close` follows, and ends the pending read
  }

  /**
   * Connects to the first of `paths` that accepts the connection.
   * @param uid of this process, which must own the bus
   * @throws DBusConnectionError, DBusError, or the signal's reason
   */
  static async open(paths: readonly string[], uid: number, signal: AbortSignal): Promise<DBusConnection> {
    let lastError: unknown = new DBusConnectionError('no address of a D-Bus session bus is set');
    for (const path of paths) {
      const connection = new DBusConnection(connect(path));
      try {
        await connection.#authenticate(uid, signal);
        await connection.call({ ...bus, member: 'Hello' }, signal);
        return connection;
      } catch (error) {
        connection.close();
        signal.throwIfAborted();
        lastError = error;
      }
    }
    throw lastError;
  }

  /** `false` after a call that failed with anything but a `DBusError`, and once the bus is gone. */
  get isUsable(): boolean {
    return !this.#isFailed && !this.#socket.destroyed;
  }

  /** @throws DBusError, DBusConnectionError, or the signal's reason */
  async call(call: MethodCall, signal: AbortSignal): Promise<readonly DBusValue[]> {
    const serial = ++this.#lastSerial;
    this.#socket.write(encodeMessage({ kind: 'call', serial, body: [], ...call }));
    const message = await this.#receive(({ replySerial }) => replySerial === serial, signal);
    if (message.kind === 'return') return message.body;
    const { errorName = '' } = message;
    const [text] = message.body;
    throw new DBusError(errorName, typeof text === 'string' ? text : errorName);
  }

  /**
   * Calls `trigger`, and waits for the first signal that matches; it may arrive before `trigger` settles.
   * @throws as `call` and `trigger` do
   */
  async waitForSignal(
    matches: readonly SignalMatch[],
    trigger: () => Promise<unknown>,
    signal: AbortSignal,
  ): Promise<DBusMessage> {
    const isWanted = (message: DBusMessage): boolean => matches.some((match) => isMatch(message, match));
    this.#unreadMessages.length = 0; // of an earlier wait
    await this.#callForEach(matches, 'AddMatch', signal);
    await trigger();
    const message = await this.#receive(isWanted, signal);
    await this.#callForEach(matches, 'RemoveMatch', signal);
    return message;
  }

  close(): void {
    this.#socket.destroy();
  }

  async #callForEach(matches: readonly SignalMatch[], member: string, signal: AbortSignal): Promise<void> {
    for (const match of matches)
      await this.call({ ...bus, member, signature: 's', body: [matchRuleOf(match)] }, signal);
  }

  /** "Authentication Protocol": EXTERNAL. The kernel tells the bus the uid of this process. */
  async #authenticate(uid: number, signal: AbortSignal): Promise<void> {
    this.#socket.write(`\0AUTH EXTERNAL ${Buffer.from(String(uid)).toString('hex')}\r\n`);
    const authStatus = await this.#readBytes('OK '.length, signal);
    if (authStatus.toString() !== 'OK ')
      throw new DBusConnectionError('the D-Bus server rejected the authentication');
    // The server's GUID: 16 bytes in hexadecimal.
    await this.#readBytes(32 + '\r\n'.length, signal);
    this.#socket.write('BEGIN\r\n');
  }

  async #receive(isWanted: (message: DBusMessage) => boolean, signal: AbortSignal): Promise<DBusMessage> {
    const index = this.#unreadMessages.findIndex(isWanted);
    const [unreadMessage] = index === -1 ? [] : this.#unreadMessages.splice(index, 1);
    if (unreadMessage !== undefined) return unreadMessage;
    try {
      for (;;) {
        const message = await this.#readMessage(signal);
        if (isWanted(message)) return message;
        // Only signals can be awaited later: calls are sequential, and replies belong to calls.
        if (message.kind === 'signal') this.#unreadMessages.push(message);
      }
    } catch (error) {
      this.#isFailed = true;
      throw error;
    }
  }

  async #readMessage(signal: AbortSignal): Promise<DBusMessage> {
    const prefix = await this.#readBytes(prefixBytes, signal);
    const rest = await this.#readBytes(messageByteLength(prefix) - prefixBytes, signal);
    return decodeMessage(Buffer.concat([prefix, rest]));
  }

  async #readBytes(count: number, signal: AbortSignal): Promise<Buffer> {
    if (count === 0) return Buffer.alloc(0);
    for (;;) {
      const bytes = this.#socket.read(count) as Buffer | null;
      if (bytes?.length === count) return bytes;
      const { destroyed, errored: cause } = this.#socket;
      if (destroyed) {
        throw new DBusConnectionError(cause?.message ?? 'the D-Bus connection was closed', { cause });
      }
      await raceSignal(new Promise<void>((resolve) => (this.#wakeReader = resolve)), signal);
    }
  }
}

function matchRuleOf(match: SignalMatch): string {
  const entries = Object.entries({ type: 'signal', ...match });
  return entries.map(([key, value]) => `${key}='${value}'`).join(',');
}

function isMatch(message: DBusMessage, match: SignalMatch): boolean {
  return (
    message.kind === 'signal' &&
    message.interface === match.interface &&
    message.member === match.member &&
    (match.path === undefined || message.path === match.path) &&
    (match.arg0 === undefined || message.body[0] === match.arg0)
  );
}
