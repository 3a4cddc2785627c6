import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { env as ownEnv, execPath } from 'node:process';
import { fileURLToPath } from 'node:url';
import { setTimeout as sleep } from 'node:timers/promises';

/** Runs a program to its end. @throws Error with its stderr */
export async function run(program, args, env, input = '') {
  const child = spawn(program, args, { env: { PATH: ownEnv.PATH, ...env }, stdio: 'pipe' });
  let stderr = '';
  child.stdout.resume();
  child.stderr.setEncoding('utf8').on('data', (chunk) => (stderr += chunk));
  child.stdin.on('error', () => undefined).end(input);
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error(`${program} exited with ${code}: ${stderr}`);
}

/** Starts a server, and waits until its socket is there. @returns a function that ends it */
export async function startServer(program, args, env, socketPath) {
  const child = spawn(program, args, { env: { PATH: ownEnv.PATH, ...env }, stdio: 'ignore' });
  const exited = once(child, 'exit');
  while (!existsSync(socketPath)) {
    if (child.exitCode !== null) throw new Error(`${program} exited with ${child.exitCode}`);
    await sleep(10);
  }
  const stop = async () => {
    child.kill();
    await exited;
  };
  return Object.assign(stop, { pid: child.pid });
}

/** @param responseText the daemon's response to a token request */
export function startBareServer(socketPath, responseText) {
  const script = fileURLToPath(new URL('bare-server.mjs', import.meta.url));
  return startServer(execPath, [script, socketPath, responseText], {}, socketPath);
}
