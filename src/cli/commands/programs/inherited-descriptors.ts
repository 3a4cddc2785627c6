/**
 * Node marks the descriptors that it inherits close-on-exec when it starts, so a program that it runs gets only those that
 * are named to `spawn`. No call tells them apart from the descriptors that Node has opened itself.
 */
import { fstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { errorCode } from '../../../shared/error-utils.ts';

/**
 * The descriptors from 3 up that this process has inherited and that a program which it runs would not. Call it before
 * this process opens any file or socket. On Windows, there are none: Node cannot hand on handles.
 */
export function findInheritedDescriptors(platform: NodeJS.Platform): readonly number[] {
  if (platform === 'linux') return findOnLinux();
  return platform === 'win32' ? [] : listDescriptors('/dev/fd').filter(isOlderThanProcess);
}

/** What Node opens at its start, apart from pipes. It uses no other of these types. */
const nodeLinks = ['anon_inode:[eventpoll]', 'anon_inode:[eventfd]', 'anon_inode:[io_uring]'];

function findOnLinux(): readonly number[] {
  const links = readLinks('/proc/self/fd');
  const isNodePipe = createPipeCheck([...links.values()]);
  return [...links]
    .filter(([, link]) => !nodeLinks.includes(link) && !isNodePipe(link))
    .map(([descriptor]) => descriptor)
    .filter(isCloseOnExec);
}

/**
 * Node's own pipes have both ends in this process. So has an inherited one, such as the jobserver's of `make -j`: then
 * the parent has it too.
 */
function createPipeCheck(links: readonly string[]): (link: string) => boolean {
  const parentLinks = new Set(readLinks(`/proc/${process.ppid}/fd`).values());
  return (link) =>
    link.startsWith('pipe:') && links.filter((other) => other === link).length > 1 && !parentLinks.has(link);
}

function readLinks(folder: string): ReadonlyMap<number, string> {
  return new Map(
    listDescriptors(folder).flatMap((descriptor) => {
      const link = orNull(() => readlinkSync(`${folder}/${descriptor}`));
      return link === null ? [] : [[descriptor, link]];
    }),
  );
}

/** A program inherits the others without help. */
function isCloseOnExec(descriptor: number): boolean {
  const info = orNull(() => readFileSync(`/proc/self/fdinfo/${descriptor}`, 'utf8')) ?? '';
  const flags = Number.parseInt(/^flags:\s*([0-7]+)$/m.exec(info)?.[1] ?? '0', 8);
  // O_CLOEXEC in <asm-generic/fcntl.h>
  return (flags & 0o2000000) !== 0;
}

/** macOS: a pipe has its time of creation, and a kernel queue, which cannot be inherited, has 0. */
function isOlderThanProcess(descriptor: number): boolean {
  const stats = orNull(() => fstatSync(descriptor));
  if (stats === null) return false;
  return !stats.isFIFO() || (stats.ctimeMs > 0 && stats.ctimeMs < performance.timeOrigin);
}

/** Empty for a process of another user. */
function listDescriptors(folder: string): readonly number[] {
  const names = orNull(() => readdirSync(folder)) ?? [];
  return names.map(Number).filter((descriptor) => descriptor > 2);
}

/** `null` for what is gone or belongs to another user: the descriptor of the folder itself is closed by now. */
function orNull<T>(read: () => T): T | null {
  try {
    return read();
  } catch (error) {
    if (errorCode(error) === undefined) throw error;
    return null;
  }
}
