import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { type GuardedProcess, startGuardedProcess } from '../../processes/guarded-process.ts';
import { createRealClock } from '../../time/real-clock.ts';
import { waitUntil } from '../../wait-until.ts';
import { isOnPath, startDBus } from '../private-keyring.ts';

const run = promisify(execFile);

/** A program opens its windows slowly on a machine under load. */
const answerTimeoutMs = 30_000;

/** Why a desktop session with these programs cannot run here; `null` if it can. */
export function getDesktopSkipReason(programs: readonly string[]): string | null {
  if (process.platform !== 'linux') return 'a desktop session requires Linux';
  const missing = ['Xvfb', 'xdotool', 'dbus-daemon', ...programs].filter((program) => !isOnPath(program));
  return missing.length === 0 ? null : `not installed: ${missing.join(', ')}`;
}

/** An X server without a screen and a private D-Bus session, for keychains with windows. All end with this process. */
export class DesktopSession {
  /** For a program, so that it finds this session and nothing of the user's. */
  readonly environment: Readonly<Record<string, string>>;
  readonly folder: string;
  readonly #processes: GuardedProcess[];

  private constructor(folder: string, display: string, processes: GuardedProcess[]) {
    this.folder = folder;
    this.environment = { ...environmentOf(folder), DISPLAY: display };
    this.#processes = processes;
  }

  static async start(): Promise<DesktopSession> {
    const folder = mkdtempSync(join(tmpdir(), 'desktop-'));
    for (const name of ['run', 'config', 'data', 'state', 'cache', 'tmp'])
      mkdirSync(join(folder, name), { mode: 0o700 });
    const command = ['Xvfb', '-displayfd', '1', '-screen', '0', '1024x768x24', '-nolisten', 'tcp'];
    const server = await startGuardedProcess(command, { environment: { PATH: process.env['PATH'] } });
    const signal = createRealClock().timeoutSignal(10_000);
    const [number] = (await once(createInterface(server.stdout), 'line', { signal })) as [string];
    const bus = await startDBus(environmentOf(folder).DBUS_SESSION_BUS_ADDRESS);
    return new DesktopSession(folder, `:${number}`, [server, bus]);
  }

  /** Until the session stops. */
  async startProgram(command: readonly string[], input = ''): Promise<void> {
    const environment = { PATH: process.env['PATH'], ...this.environment };
    const program = await startGuardedProcess(command, { environment, input });
    program.stdout.resume();
    this.#processes.unshift(program);
  }

  /** Runs a program in the session until it exits. @returns its stdout */
  async run(command: string, args: readonly string[], input = ''): Promise<string> {
    const running = run(command, args, { env: { PATH: process.env['PATH'], ...this.environment } });
    running.child.stdin?.on('error', () => undefined).end(input); // it may not read its input
    return (await running).stdout;
  }

  /** The titles of all visible windows, in order. */
  async listWindows(): Promise<readonly string[]> {
    const ids = await this.#findWindows('--class', '.+');
    // A window may close in between.
    const titles = ids.map((id) => this.run('xdotool', ['getwindowname', id]).catch(() => ''));
    // KeePassXC marks a changed database with an asterisk.
    return [...new Set((await Promise.all(titles)).map((title) => title.replace('*', '').trim()))].toSorted();
  }

  /**
   * Waits for the window, types the text, and presses the default button, until no window has this title. A window that has
   * just opened may lose keys.
   * @param ended after it settles, no window is waited for, so that this call answers no later one
   */
  async answerWindow(title: string, text = '', ended?: Promise<unknown>): Promise<void> {
    const find = async (): Promise<string> => (await this.#findWindows('--name', title)).at(-1) ?? '';
    let wasAnswered = false;
    let hasEnded = false;
    const noteEnd = (): boolean => (hasEnded = true);
    void ended?.then(noteEnd, noteEnd);
    await waitUntil(
      async () => {
        const id = await find();
        if (id === '') return wasAnswered || hasEnded;
        await this.focus(id);
        if (text !== '') {
          await this.run('xdotool', ['key', 'ctrl+a']);
          await this.run('xdotool', ['type', text]);
        }
        await this.run('xdotool', ['key', 'Return']);
        wasAnswered = true;
        const isClosed = async (): Promise<boolean> => (await find()) === '';
        return waitUntil(isClosed, 'the window is closed', 1_000).then(
          () => true,
          () => false,
        );
      },
      `the window ${title} is open, and is closed by an answer`,
      answerTimeoutMs,
    );
  }

  /** Clicks at a position in a window. */
  async click(id: string, x: number, y: number): Promise<void> {
    const position = ['--window', id, String(x), String(y)];
    // Fails if the window is closed.
    await this.run('xdotool', ['mousemove', ...position, 'click', '1']).catch(() => '');
  }

  /** Sends the keyboard to a window, if it is still open. */
  async focus(id: string): Promise<void> {
    await this.run('xdotool', ['windowfocus', id]).catch(() => '');
  }

  /** @returns the id of the program's newest window */
  async waitForWindow(program: string): Promise<string> {
    const find = async (): Promise<string> => (await this.#findWindows('--class', program)).at(-1) ?? '';
    let id = '';
    await waitUntil(async () => (id = await find()) !== '', `a window of ${program} is open`);
    return id;
  }

  /** Stops all programs and removes the folder. */
  async stop(): Promise<void> {
    for (const program of this.#processes) await program.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }

  async #findWindows(property: '--class' | '--name', pattern: string): Promise<readonly string[]> {
    // xdotool fails if there is no such window.
    const search = this.run('xdotool', ['search', '--onlyvisible', property, pattern]).catch(() => '');
    return (await search).split('\n').filter((id) => id !== '');
  }
}

function environmentOf(
  folder: string,
): Record<string, string> & { readonly DBUS_SESSION_BUS_ADDRESS: string } {
  return {
    HOME: folder,
    XDG_RUNTIME_DIR: join(folder, 'run'),
    // KeePassXC keeps the lock and the socket of its only instance there.
    TMPDIR: join(folder, 'tmp'),
    XDG_CONFIG_HOME: join(folder, 'config'),
    XDG_DATA_HOME: join(folder, 'data'),
    XDG_STATE_HOME: join(folder, 'state'),
    XDG_CACHE_HOME: join(folder, 'cache'),
    DBUS_SESSION_BUS_ADDRESS: `unix:path=${join(folder, 'run', 'bus')}`,
  };
}
