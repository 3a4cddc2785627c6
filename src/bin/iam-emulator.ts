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

class UsageError extends Error {}

function optionsFrom(args: readonly string[]): EmulatorOptions {
  const { port, lifetime, 'oauth-token': files = [], 'service-account-key': keys = [] } = parsed(args);
  return {
    clock: systemClock(),
    ...(port === undefined ? {} : { port: wholeNumber('--port', port, 0, 65_535) }),
    ...(lifetime === undefined ? {} : { lifetimeMs: wholeNumber('--lifetime', lifetime, 1, 43_200) * 1_000 }),
    oauthAccounts: files.map((file) => ({ token: tokenIn(file) })),
    keys: keys.map((file) => keyIn(file)),
  };
}

function parsed(args: readonly string[]): {
  port?: string;
  lifetime?: string;
  'oauth-token'?: string[];
  'service-account-key'?: string[];
} {
  try {
    return parseArgs({
      args: [...args],
      options: {
        port: { type: 'string' },
        lifetime: { type: 'string' },
        'oauth-token': { type: 'string', multiple: true },
        'service-account-key': { type: 'string', multiple: true },
      },
    }).values;
  } catch (thrown) {
    throw new UsageError(messageOf(thrown), { cause: thrown });
  }
}

function wholeNumber(option: string, text: string, least: number, most: number): number {
  const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= least && value <= most) return value;
  throw new UsageError(`${option} takes a whole number from ${least} to ${most}`);
}

function tokenIn(file: string): string {
  let token: string;
  try {
    token = readFileSync(file, 'utf8').trim();
  } catch (thrown) {
    throw new UsageError(`--oauth-token: ${file} cannot be read`, { cause: thrown });
  }
  if (token === '') throw new UsageError(`--oauth-token: ${file} is empty`);
  return token;
}

function keyIn(file: string): AuthorizedKey {
  try {
    const key = readAuthorizedKey(readFileSync(file, 'utf8'));
    if (key !== null) return key;
  } catch (thrown) {
    throw new UsageError(`--service-account-key: ${file} cannot be read`, { cause: thrown });
  }
  throw new UsageError(`--service-account-key: ${file} is no authorized key`);
}

async function main(args: readonly string[]): Promise<void> {
  if (args.includes('--help')) {
    process.stdout.write(usage);
    return;
  }
  const emulator = await startEmulator(optionsFrom(args));
  const stop = (): void => void emulator.close();
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);
  process.stdout.write(`${emulator.url}\n`);
}

main(process.argv.slice(2)).catch((thrown: unknown) => {
  const wrongUsage = thrown instanceof UsageError;
  const message = messageOf(thrown);
  process.stderr.write(`iam-emulator: error: ${message}\n${wrongUsage ? usage : ''}`);
  process.exitCode = wrongUsage ? 2 : 1;
});
