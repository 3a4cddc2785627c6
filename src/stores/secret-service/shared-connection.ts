/**
 * The connection to the Secret Service that all items share: KeePassXC allows access to an item for a connection, not
 * for a program, so what a user has confirmed must be read through the connection that asked.
 */
import type { Clock } from '../../shared/clock.ts';
import { IamTokenError } from '../../shared/errors.ts';
import { noSessionBus } from '../keychain/keychain-problems.ts';
import { Mutex } from '../mutex.ts';
import { DBusConnection, parseSessionBusPaths } from './dbus-connection.ts';
import { SecretServiceClient } from './secret-service-client.ts';
import { openSecretSession, type SecretSession } from './secret-session.ts';

export interface SharedConnectionParts {
  readonly environment: NodeJS.ProcessEnv;
  readonly uid: number;
  readonly clock: Pick<Clock, 'timeoutSignal'>;
}

/** For everything except a prompt. Less than the 5 s that the daemon waits for its helper. */
const requestTimeoutMs = 4_000;

/** An open connection and its session, which ends when the service restarts. */
class OpenConnection {
  readonly connection: DBusConnection;
  #session: { readonly owner: string; readonly session: SecretSession } | null = null;

  constructor(connection: DBusConnection) {
    this.connection = connection;
  }

  async getSession(client: SecretServiceClient): Promise<SecretSession> {
    const { name: owner } = await client.readOwner();
    if (this.#session?.owner !== owner) this.#session = { owner, session: await openSecretSession(client) };
    return this.#session.session;
  }
}

export interface ServiceAccess {
  readonly client: SecretServiceClient;
  readonly getSession: () => Promise<SecretSession>;
  /** For calls after a prompt, which may have taken longer than the timeout of `client`. */
  readonly createClient: () => SecretServiceClient;
}

/** Each method throws `IamTokenError` `keychain_unavailable` without a bus, and what `work` throws. */
export class SharedConnection {
  readonly #parts: SharedConnectionParts;
  readonly #mutex = new Mutex();
  /** Of `useForPrompt`, running or waiting. */
  #promptCount = 0;
  #shared: OpenConnection | null = null;

  constructor(parts: SharedConnectionParts) {
    this.#parts = parts;
  }

  /** With the shared connection, or with another one if that may wait for a prompt. */
  async use<T>(work: (access: ServiceAccess) => Promise<T>): Promise<T> {
    if (this.#promptCount > 0) return this.useOther(work);
    return this.#mutex.runExclusive(() => this.#useShared(work), this.#timeoutSignal());
  }

  /** With the shared connection, one after another. @throws also the signal's reason */
  async useForPrompt<T>(work: (access: ServiceAccess) => Promise<T>, signal: AbortSignal): Promise<T> {
    this.#promptCount += 1;
    try {
      return await this.#mutex.runExclusive(() => this.#useShared(work), signal);
    } finally {
      this.#promptCount -= 1;
    }
  }

  /** With a connection of its own, which never waits for a prompt. */
  async useOther<T>(work: (access: ServiceAccess) => Promise<T>): Promise<T> {
    const open = await this.#open();
    try {
      return await work(this.#accessOf(open));
    } finally {
      open.connection.close();
    }
  }

  async #useShared<T>(work: (access: ServiceAccess) => Promise<T>): Promise<T> {
    if (this.#shared?.connection.isUsable !== true) this.#shared = await this.#open();
    const { connection } = this.#shared;
    try {
      return await work(this.#accessOf(this.#shared));
    } finally {
      if (!connection.isUsable) connection.close();
    }
  }

  #accessOf(open: OpenConnection): ServiceAccess {
    const createClient = (): SecretServiceClient =>
      new SecretServiceClient(open.connection, this.#timeoutSignal());
    const client = createClient();
    return { client, createClient, getSession: () => open.getSession(createClient()) };
  }

  async #open(): Promise<OpenConnection> {
    const { environment, uid } = this.#parts;
    const signal = this.#timeoutSignal();
    try {
      const connection = await DBusConnection.open(parseSessionBusPaths(environment), uid, signal);
      return new OpenConnection(connection);
    } catch (cause) {
      signal.throwIfAborted();
      throw new IamTokenError(noSessionBus, { cause });
    }
  }

  #timeoutSignal(): AbortSignal {
    return this.#parts.clock.timeoutSignal(requestTimeoutMs);
  }
}
