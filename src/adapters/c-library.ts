import { createRequire } from 'node:module';
import type { Socket } from 'node:net';
import type * as Koffi from 'koffi';

/** System calls of Linux that Node has no function for. */
export interface CLibrary {
  /**
   * Denies debuggers and /proc/PID/mem to other processes of the same uid, and disables core dumps of this process and
   * its children. A debugger that is attached already stays attached. prctl(2), PR_SET_DUMPABLE; proc(5).
   * @returns whether the process is protected now
   */
  protectMemory(): boolean;
  /** Locks an open file or folder, unless another process holds the lock. flock(2). */
  tryFlock(fd: number): 'locked' | 'held' | 'unsupported';
  /**
   * The process that connected, from the kernel; `null` if it is not known. Its pid is 0 if it is in a pid namespace that
   * is not visible here. unix(7), SO_PEERCRED.
   */
  getPeerCredentials(socket: Socket): { readonly pid: number; readonly uid: number } | null;
  /**
   * The address that the peer has bound; an abstract one begins with `@`. `null` if it has none. unix(7), getpeername(2).
   */
  getPeerAddress(socket: Socket): string | null;
  /**
   * A descriptor of the process that connected, which never refers to another one with the same pid; the caller closes it.
   * SO_PEERPIDFD, since Linux 6.5. `unsupported` on an older kernel, `null` if the process has ended.
   */
  openPeerPidFd(socket: Socket): number | 'unsupported' | null;
  /** Returns free memory of the C library to the system: malloc_trim(3). Does nothing with musl. */
  trimMemory(): void;
  /** Ends this process without waiting for its threads; _exit(2). */
  exitAtOnce(code: number): void;
  /** @param socket the value of `NOTIFY_SOCKET`: a path, or `@` and an abstract name */
  createSdNotify(socket: string, onError: (reason: string) => void): (state: string) => Promise<void>;
}

const PR_GET_DUMPABLE = 3;
const PR_SET_DUMPABLE = 4;
const RLIMIT_CORE = 4;
const LOCK_EX_NB = 2 | 4;
const EWOULDBLOCK = 11;
const AF_UNIX = 1;
const SOCK_DGRAM_CLOEXEC = 0o2000002;
const MSG_NOSIGNAL = 0x4000;
const SOL_SOCKET = 1;
/** struct sockaddr_un: the family and the path. */
const sockaddrBytes = 110;
/** <asm/socket.h>: PowerPC uses another number. */
const SO_PEERCRED = process.arch === 'ppc64' ? 21 : 17;
const SO_PEERPIDFD = 77;
const ENOPROTOOPT = process.arch.startsWith('mips') ? 99 : 92;

/**
 * Loads koffi, which takes about 5 ms; call it once.
 * @returns `null` on other systems, and if koffi is not installed or does not load
 */
export function loadCLibrary(platform: NodeJS.Platform): CLibrary | null {
  if (platform !== 'linux') return null;
  try {
    return bindCLibrary();
  } catch {
    return null; // koffi is optional: `status` shows that it is missing.
  }
}

function bindCLibrary(): CLibrary {
  // `import` would take twice as long, and is asynchronous.
  const koffi = createRequire(import.meta.filename)('koffi') as typeof Koffi;
  const library = koffi.load(null);
  const prctl = library.func('int prctl(int, unsigned long, unsigned long, unsigned long, unsigned long)');
  const setrlimit = library.func('int setrlimit(int, _In_ uint8_t *)');
  const socket = library.func('int socket(int, int, int)');
  const sendto = library.func('long sendto(int, _In_ uint8_t *, size_t, int, _In_ uint8_t *, uint32_t)');
  const close = library.func('int close(int)');
  const flock = library.func('int flock(int, int)');
  const readSocketOption = createSocketOptionReader(library);

  function sendDatagram(address: Buffer, state: Buffer): boolean {
    const fd = Number(socket(AF_UNIX, SOCK_DGRAM_CLOEXEC, 0));
    if (fd < 0) return false;
    const sentBytes = Number(sendto(fd, state, state.length, MSG_NOSIGNAL, address, address.length));
    const errno = koffi.errno();
    close(fd);
    koffi.errno(errno);
    return sentBytes === state.length;
  }

  return {
    protectMemory: () => {
      // struct rlimit: two 64-bit numbers, both 0.
      setrlimit(RLIMIT_CORE, Buffer.alloc(16));
      prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
      return prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) === 0;
    },
    tryFlock: (fd) => {
      if (flock(fd, LOCK_EX_NB) === 0) return 'locked';
      return koffi.errno() === EWOULDBLOCK ? 'held' : 'unsupported';
    },
    getPeerCredentials: (socket) => {
      const fd = fileDescriptorOf(socket);
      // struct ucred: pid, uid and gid.
      const ucred = fd === null ? null : readSocketOption(fd, SO_PEERCRED, 12);
      return ucred === null ? null : { pid: ucred.readUInt32LE(0), uid: ucred.readUInt32LE(4) };
    },
    getPeerAddress: createPeerAddressReader(library),
    openPeerPidFd: (socket) => {
      const fd = fileDescriptorOf(socket);
      if (fd === null) return null;
      const pidFd = readSocketOption(fd, SO_PEERPIDFD, 4);
      if (pidFd !== null) return pidFd.readInt32LE(0);
      return koffi.errno() === ENOPROTOOPT ? 'unsupported' : null;
    },
    trimMemory: createMemoryTrim(library),
    exitAtOnce: library.func('void _exit(int)'),
    createSdNotify: (path, onError) => {
      const address = Buffer.from(`\0\0${path.replace(/^@/, '\0')}`);
      address.writeUInt16LE(AF_UNIX);
      return async (state) => {
        if (!sendDatagram(address, Buffer.from(state))) {
          onError(`cannot notify systemd of ${state}: sendto failed with error ${koffi.errno()}`);
        }
      };
    },
  };
}

function createMemoryTrim(library: ReturnType<typeof Koffi.load>): () => void {
  try {
    const mallocTrim = library.func('int malloc_trim(size_t)');
    return () => void mallocTrim(0);
  } catch {
    return () => undefined; // Not glibc.
  }
}

/**
 * One memory for all calls, which are synchronous; koffi passes it as it is. To copy the arguments took a tenth of the
 * daemon's time for a connection.
 * @returns reads an option of at most 12 bytes; its result is valid until the next call, `null` on failure
 */
function createSocketOptionReader(
  library: ReturnType<typeof Koffi.load>,
): (fd: number, option: number, byteCount: number) => Buffer | null {
  const getsockopt = library.func('int getsockopt(int, int, int, void *, void *)');
  const value = Buffer.alloc(12);
  const length = new Uint32Array(1);
  return (fd, option, byteCount) => {
    length[0] = byteCount;
    const result = getsockopt(fd, SOL_SOCKET, option, value, length);
    return result === 0 && length[0] === byteCount ? value : null;
  };
}

function createPeerAddressReader(library: ReturnType<typeof Koffi.load>): CLibrary['getPeerAddress'] {
  const getpeername = library.func('int getpeername(int, _Out_ uint8_t *, _Inout_ uint32_t *)');
  return (socket) => {
    const fd = fileDescriptorOf(socket);
    const address = Buffer.alloc(sockaddrBytes);
    const length: [number] = [address.length];
    if (fd === null || getpeername(fd, address, length) !== 0 || length[0] <= 2) return null;
    const text = address.toString('latin1', 2, length[0]);
    return text.startsWith('\0') ? `@${text.slice(1)}` : text.replace(/\0.*$/s, '');
  };
}

/** Undocumented: libuv's handle has `fd` on Unix in Node 20 to 26. */
function fileDescriptorOf(socket: Socket): number | null {
  const { _handle: handle } = socket as { readonly _handle?: { readonly fd?: number } | null };
  return typeof handle?.fd === 'number' && handle.fd >= 0 ? handle.fd : null;
}
