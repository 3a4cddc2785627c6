import { type ChildProcess, spawn } from 'node:child_process';

/**
 * Tells the service manager how this process is, in the words of sd_notify(3): `READY=1`, `STOPPING=1`, `WATCHDOG=1`.
 * Resolves when it was told, or cannot be; never throws.
 */
export type Notify = (state: string) => Promise<void>;

export interface SystemdNotifyOptions {
  /** The value of `NOTIFY_SOCKET`. */
  readonly socket: string;
  /** The program is found by its `PATH`. */
  readonly path: string | undefined;
  readonly onFault: (reason: string) => void;
}

/** By the program of that name, for Node has no datagram sockets of this kind. It needs `NotifyAccess=all`. */
export function systemdNotify({ socket, path, onFault }: SystemdNotifyOptions): Notify {
  let running: ChildProcess | null = null;
  return (state) =>
    new Promise((resolve) => {
      // It waits until systemd has read the word before: by now that is too late.
      running?.kill('SIGKILL');
      const child = spawn('systemd-notify', [state], {
        env: { NOTIFY_SOCKET: socket, ...(path === undefined ? {} : { PATH: path }) },
        stdio: 'ignore',
      });
      running = child;
      child.once('error', (error) => {
        onFault(`systemd is not told ${state}: ${error.message}`);
        resolve();
      });
      child.once('exit', (code, signal) => {
        if (running === child) running = null;
        if (code !== 0) onFault(`systemd is not told ${state}: systemd-notify ended with ${signal ?? code}`);
        resolve();
      });
    });
}
