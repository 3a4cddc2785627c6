import { spawn } from 'node:child_process';
import { type ProcessResult, waitForExit } from './process-result.ts';

/**
 * Runs JavaScript as a module in its own process, to test exits, time zones and streams.
 * @param script `input` is in scope; it imports modules by URL
 */
export async function runModule(
  script: string,
  input: unknown,
  env: NodeJS.ProcessEnv = {},
): Promise<ProcessResult> {
  const program = `const input = JSON.parse(process.argv[1]);\n${script}`;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', program, JSON.stringify(input)], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  return waitForExit(child);
}

/** @param name below `src`, such as `adapters/winston-log` */
export function moduleUrl(name: string): string {
  return new URL(`../../../src/${name}.js`, import.meta.url).href;
}
