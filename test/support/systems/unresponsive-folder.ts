import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Mounts a FUSE file system, and never answers the kernel: as an NFS server that is gone. */
const script = `
  const koffi = require(${JSON.stringify(createRequire(import.meta.url).resolve('koffi'))});
  const mount = koffi.load(null).func('int mount(const char *, const char *, const char *, unsigned long, const char *)');
  const fd = require('fs').openSync('/dev/fuse', 'r+');
  const result = mount('unresponsive', process.argv[1], 'fuse', 0, 'fd=' + fd + ',rootmode=40000,user_id=0,group_id=0');
  console.log(result);
  setInterval(() => undefined, 1000);
`;

/** Whether `mountUnresponsiveFolder` can run here. */
export function canMountFuse(): boolean {
  return process.getuid?.() === 0 && existsSync('/dev/fuse');
}

export interface UnresponsiveFolder {
  readonly path: string;
  /** Operations that wait fail. */
  unmount(): Promise<void>;
}

/** A folder in which each operation waits until it is unmounted. */
export async function mountUnresponsiveFolder(): Promise<UnresponsiveFolder> {
  const path = mkdtempSync(join(tmpdir(), 'unresponsive-'));
  const server = spawn(process.execPath, ['-e', script, path], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [result] = (await once(server.stdout, 'data')) as [Buffer];
  const unmount = async (): Promise<void> => {
    const exitEvent = once(server, 'exit');
    server.kill('SIGKILL');
    await exitEvent;
    spawnSync('umount', ['--lazy', path]);
    rmdirSync(path);
  };
  if (String(result).trim() === '0') return { path, unmount };
  await unmount();
  throw new Error('cannot mount a FUSE file system');
}
