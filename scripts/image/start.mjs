// The program of the container image: runs the daemon in this process, and `iam-token login` with the arguments of the
// container until it succeeds, because the memory store has no credential after a start.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fstatSync, mkdirSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

/** Of a ConfigMap or a mount, which may be read-only: `profiles.json` is beside the link to it. */
const configFile = '/etc/iam-tokend/config.yaml';
/** Exit codes of iam-token. */
const usageError = 2;
const unreachable = 3;
/** While the daemon starts; for a file that may come later; and for what IAM or the network refuses. */
const pausesMs = { start: 100, local: 1_000, max: 30_000 };

const loginArgs = process.argv.splice(2);
linkConfiguration(process.env.XDG_CONFIG_HOME ?? '');
logToStderr();
await import('./bin/iam-tokend.js');
if (loginArgs.length > 0) await logIn(loginArgs);

/** On failure, the daemon says what is wrong with its folder. */
function linkConfiguration(configHome) {
  const link = join(configHome, 'iam-tokend', 'config.yaml');
  try {
    mkdirSync(dirname(link), { recursive: true, mode: 0o700 });
    symlinkSync(configFile, link);
  } catch (error) {
    if (error.code !== 'EEXIST') process.stderr.write(`cannot create ${link}: ${error.code}\n`);
  }
}

/** The log goes where a container engine collects it, as under systemd: each line begins with its priority. */
function logToStderr() {
  const { dev, ino } = fstatSync(2, { bigint: true });
  process.env.JOURNAL_STREAM = `${dev}:${ino}`;
}

/** The token file or the network may come later, so every failure is tried again; a repeated message is not printed. */
async function logIn(args) {
  let lastMessage = '';
  let rejections = 0;
  for (;;) {
    const { code, message } = await runLogin(args);
    if (code === 0) return;
    if (code !== unreachable && message !== lastMessage) process.stderr.write(message);
    if (code !== unreachable) lastMessage = message;
    if (code === unreachable) await sleep(pausesMs.start);
    else if (code === usageError) await sleep(pausesMs.local);
    else await sleep(retryPauseMs((rejections += 1)));
  }
}

/** A random share, so that the pods of a cluster do not return from an outage at once. */
function retryPauseMs(rejections) {
  const limitMs = Math.min(1_000 * 2 ** rejections, pausesMs.max);
  return limitMs / 2 + (Math.random() * limitMs) / 2;
}

/** stdin is empty: no secret comes from there, and no question is asked. */
async function runLogin(args) {
  const program = fileURLToPath(new URL('./bin/iam-token.js', import.meta.url));
  const child = spawn(process.execPath, ['--disable-sigusr1', program, 'login', ...args], {
    stdio: ['ignore', 'inherit', 'pipe'],
  });
  try {
    const [message, [code]] = await Promise.all([text(child.stderr), once(child, 'close')]);
    return { code, message };
  } catch (error) {
    return { code: null, message: `cannot run iam-token: ${error.message}\n` };
  }
}
