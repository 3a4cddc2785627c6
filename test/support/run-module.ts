import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';

export interface Ended {
  /** `null` where a signal ended it. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Runs a piece of JavaScript as a module in a process of its own, for what only a whole process shows: its end, its
 * time zone, its streams.
 * @param script `input` is in scope; it imports our modules by their URLs
 */
export async function runModule(script: string, input: unknown, env: NodeJS.ProcessEnv = {}): Promise<Ended> {
  const whole = `const input = JSON.parse(process.argv[1]);\n${script}`;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', whole, JSON.stringify(input)], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const [stdout, stderr, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close') as Promise<[number | null]>,
  ]);
  return { code, stdout, stderr };
}

/** Of a module of ours, given from `src` on: `adapters/winston-log`. */
export function moduleUrl(name: string): string {
  return new URL(`../../src/${name}.js`, import.meta.url).href;
}
