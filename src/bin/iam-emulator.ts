import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { systemClock } from '../adapters/system-clock.ts';
import { type AuthorizedKey, readAuthorizedKey } from '../emulator/accounts.ts';
import { type EmulatorOptions, startEmulator } from '../emulator/emulator.ts';
import { messageOf } from '../shared/thrown.ts';

const usage = `usage: iam-emulator [--port N] [--oauth-token FILE]… [--service-account-key FILE]… [--lifetime SECONDS]

An IAM service of Yandex Cloud for tests, on 127.0.0.1. Prints its URL once it answers, and runs until SIGTERM or SIGINT.
  --port N                    0 to 65535; any free one unless given
  --oauth-token FILE          a file with an OAuth token to be accepted; without it, none is
  --service-account-key FILE  an authorized key, of which only the public part is read; its JWTs are accepted
  --lifetime SECONDS          of an IAM token; 43200 unless given
  --help                      this text
`;

/** @throws Error saying what is wrong with the arguments */
function optionsFrom(args: readonly string[]): EmulatorOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      port: { type: 'string', default: '0' },
      lifetime: { type: 'string', default: '43200' },
      'oauth-token': { type: 'string', multiple: true, default: [] },
      'service-account-key': { type: 'string', multiple: true, default: [] },
    },
  });
  return {
    clock: systemClock(),
    port: wholeNumber('--port', values.port, 0, 65_535),
    lifetimeMs: wholeNumber('--lifetime', values.lifetime, 1, 43_200) * 1_000,
    oauthAccounts: values['oauth-token'].map((file) => ({ token: tokenIn(file) })),
    keys: values['service-account-key'].map((file) => keyIn(file)),
  };
}

function wholeNumber(option: string, text: string, least: number, most: number): number {
  const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= least && value <= most) return value;
  throw new Error(`${option} takes a whole number from ${least} to ${most}`);
}

function tokenIn(file: string): string {
  const token = textOf('--oauth-token', file).trim();
  if (token === '') throw new Error(`--oauth-token: ${file} is empty`);
  return token;
}

function keyIn(file: string): AuthorizedKey {
  const key = readAuthorizedKey(textOf('--service-account-key', file));
  if (key === null) throw new Error(`--service-account-key: ${file} is no authorized key`);
  return key;
}

function textOf(option: string, file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (thrown) {
    throw new Error(`${option}: ${file} cannot be read`, { cause: thrown });
  }
}

async function main(args: readonly string[]): Promise<void> {
  if (args.includes('--help')) {
    process.stdout.write(usage);
    return;
  }
  let options: EmulatorOptions;
  try {
    options = optionsFrom(args);
  } catch (thrown) {
    fail(`${messageOf(thrown)}\n${usage}`, 2);
    return;
  }
  const emulator = await startEmulator(options);
  const stop = (): void => void emulator.close();
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);
  process.stdout.write(`${emulator.url}\n`);
}

function fail(message: string, exitCode: number): void {
  process.stderr.write(`iam-emulator: error: ${message}`);
  process.exitCode = exitCode;
}

main(process.argv.slice(2)).catch((thrown: unknown) => fail(`${messageOf(thrown)}\n`, 1));
