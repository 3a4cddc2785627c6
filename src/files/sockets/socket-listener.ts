import { chmodSync, chownSync } from 'node:fs';
import type { Server } from 'node:net';
import { type ListenAddress, listenPrivately } from './listen-privately.ts';
import { type FileIdentity, identifyFile, isSameFile } from '../lock-file.ts';

export interface SocketListenerOptions<S extends Server> {
  /** Each server that it returns handles connections alike. */
  readonly createServer: () => S;
  readonly listenOn: ListenAddress;
  /** The group that may also open the socket at the path; default: none. */
  readonly group?: number | undefined;
  /** An error of a server that listens, such as a lack of file descriptors. */
  readonly onError: (error: Error) => void;
}

interface PathServer<S> {
  readonly server: S;
  readonly path: string;
  /** The socket file; `undefined` for a pipe of Windows, and if it did not exist. */
  readonly file: FileIdentity | undefined;
  /** Whether this process bound the path; otherwise the service manager did. */
  readonly isOwn: boolean;
}

/** A server that can listen again when its path no longer leads to it. Its connections stay. */
export class SocketListener<S extends Server> {
  readonly #options: SocketListenerOptions<S>;
  /** Those that listen or have connections. */
  readonly #servers = new Set<S>();
  #atPath: PathServer<S> | null = null;

  constructor(options: SocketListenerOptions<S>) {
    this.#options = options;
  }

  /** Those that listen or have connections; the first one listens on the address of the options. */
  get servers(): readonly S[] {
    return [...this.#servers];
  }

  /** @throws the system's error, such as `EADDRINUSE` */
  async listen(): Promise<void> {
    await this.#listenOn(this.#options.listenOn);
  }

  /** @param path where the service manager bound the socket that it passed, if it is there */
  adoptPath(path: string): void {
    const [server] = this.#servers;
    if (server !== undefined) this.#atPath = { server, path, file: identifyFile(path), isOwn: false };
  }

  /** Whether a path leads to this listener. */
  isAt(path: string): boolean {
    return this.#atPath?.path === path && isSameFile(identifyFile(path), this.#atPath.file);
  }

  /**
   * Listens at a path that leads nowhere. A socket that the service manager passed stays open beside it.
   * @throws the system's error
   */
  async listenAgain(path: string): Promise<void> {
    const previous = this.#atPath;
    this.#atPath = null;
    // This removes the file at its path, so it must come before the new one.
    if (previous?.isOwn === true) previous.server.close();
    await this.#listenOn({ path });
  }

  /** Accepts no new peer; resolves when all connections have ended. */
  async close(): Promise<void> {
    await Promise.all(this.servers.map((server) => this.#closeServer(server)));
  }

  async #listenOn(address: ListenAddress): Promise<void> {
    const server = this.#options.createServer();
    await listenPrivately(server, address);
    this.#servers.add(server);
    server.once('close', () => this.#servers.delete(server));
    server.on('error', this.#options.onError);
    if (!('path' in address)) return;
    const { path } = address;
    if (this.#options.group !== undefined) {
      chownSync(path, -1, this.#options.group);
      chmodSync(path, 0o660);
    }
    this.#atPath = { server, path, file: identifyFile(path), isOwn: true };
  }

  async #closeServer(server: S): Promise<void> {
    const isAtPath = server === this.#atPath?.server && this.#atPath.isOwn;
    const file = isAtPath ? identifyFile(this.#atPath?.path ?? '') : undefined;
    // Closing it would remove the file that another program has put in its place.
    if (file !== undefined && !isSameFile(file, this.#atPath?.file)) {
      server.unref();
      return;
    }
    await new Promise<void>((resolve) => {
      server.close(() => resolve());
    });
  }
}
