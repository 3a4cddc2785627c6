import { spawn } from 'node:child_process';
import { type Ended, ended } from './ended.ts';

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
  return ended(child);
}

/** Of a module of ours, given from `src` on: `adapters/winston-log`. */
export function moduleUrl(name: string): string {
  return new URL(`../../src/${name}.js`, import.meta.url).href;
}
