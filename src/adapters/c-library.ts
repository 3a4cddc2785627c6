import { createRequire } from 'node:module';
import type { Socket } from 'node:net';
import type * as Koffi from 'koffi';

/** What Linux does for a process that asks by way of the C library, and Node has no call for. */
export interface CLibrary {
  /**
   * No debugger and no /proc/PID/mem for others of the same uid, no core, and none of children either; whoever has
   * attached before stays attached. prctl(2), PR_SET_DUMPABLE; proc(5).
   * @returns whether it holds now
   */
  hideMemory(): boolean;
  /** Whose process connected, by the kernel's word; `null` where that is not known. unix(7), SO_PEERCRED. */
  peerUid(socket: Socket): number | null;
  /** For the manager that listens at `socket`, the value of `NOTIFY_SOCKET`: a path, or `@` and an abstract name. */
  notifier(socket: string, onFault: (reason: string) => void): (state: string) => Promise<void>;
}

const PR_GET_DUMPABLE = 3;
const PR_SET_DUMPABLE = 4;
const RLIMIT_CORE = 4;
const AF_UNIX = 1;
const SOCK_DGRAM_CLOEXEC = 0o2000002;
const MSG_NOSIGNAL = 0x4000;
const SOL_SOCKET = 1;
/** <asm/socket.h>: PowerPC has a number of its own. */
const SO_PEERCRED = process.arch === 'ppc64' ? 21 : 17;

/**
 * By koffi, which takes about 5 ms to load; the caller calls once.
 * @returns `null` where koffi is not installed or does not load, and on other systems
 */
export function loadCLibrary(platform: NodeJS.Platform): CLibrary | null {
  if (platform !== 'linux') return null;
  try {
    return cLibrary();
  } catch {
    return null; // An optional package: `status` says that it is missing.
  }
}

function cLibrary(): CLibrary {
  // Without `import`, which takes twice as long and lets other events in between.
  const koffi = createRequire(import.meta.filename)('koffi') as typeof Koffi;
  const library = koffi.load(null);
  const prctl = library.func('int prctl(int, unsigned long, unsigned long, unsigned long, unsigned long)');
  const setrlimit = library.func('int setrlimit(int, _In_ uint8_t *)');
  const getsockopt = library.func('int getsockopt(int, int, int, _Out_ uint8_t *, _Inout_ uint32_t *)');
  const socket = library.func('int socket(int, int, int)');
  const sendto = library.func('long sendto(int, _In_ uint8_t *, size_t, int, _In_ uint8_t *, uint32_t)');
  const close = library.func('int close(int)');

  function send(address: Buffer, state: Buffer): boolean {
    const fd = Number(socket(AF_UNIX, SOCK_DGRAM_CLOEXEC, 0));
    if (fd < 0) return false;
    const sent = Number(sendto(fd, state, state.length, MSG_NOSIGNAL, address, address.length));
    const error = koffi.errno();
    close(fd);
    koffi.errno(error);
    return sent === state.length;
  }

  return {
    hideMemory: () => {
      // Two numbers of the machine's width, both 0.
      setrlimit(RLIMIT_CORE, Buffer.alloc(16));
      prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
      return prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) === 0;
    },
    peerUid: (socket) => {
      const fd = fdOf(socket);
      // struct ucred: pid, uid and gid.
      const credentials = Buffer.alloc(12);
      const length = [credentials.length];
      if (fd === null || getsockopt(fd, SOL_SOCKET, SO_PEERCRED, credentials, length) !== 0) return null;
      return credentials.readUInt32LE(4);
    },
    notifier: (path, onFault) => {
      const address = Buffer.from(`\0\0${path.replace(/^@/, '\0')}`);
      address.writeUInt16LE(AF_UNIX);
      return async (state) => {
        if (!send(address, Buffer.from(state))) {
          onFault(`systemd is not told ${state}: error ${koffi.errno()} of sendto`);
        }
      };
    },
  };
}

/** Not documented: libuv's handle has it on Unix, in Node 20 to 26. */
function fdOf(socket: Socket): number | null {
  const { _handle: handle } = socket as { readonly _handle?: { readonly fd?: number } | null };
  return typeof handle?.fd === 'number' && handle.fd >= 0 ? handle.fd : null;
}
