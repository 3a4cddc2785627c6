import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { createSystemClock } from '../../src/adapters/system-clock.ts';
import { type AuthorizedKey, parseAuthorizedKey } from './accounts.ts';
import { type EmulatorOptions, startEmulator } from './emulator.ts';
import { errorMessage } from '../../src/shared/error-utils.ts';

const usage = `usage: iam-emulator [--port N] [--oauth-token FILE]… [--service-account-key FILE]… [--service-account-name NAME]
                    [--lifetime SECONDS]

Emulate the IAM service of Yandex Cloud on 127.0.0.1. Prints its URL when it is ready, and runs until SIGTERM or SIGINT.
  --port N                     listen on this port (default: a free one)
  --oauth-token FILE           accept the OAuth token in FILE
  --service-account-key FILE   accept the JWTs of the authorized key in FILE; reads only its public part
  --service-account-name NAME  call the accounts of these keys NAME
  --lifetime SECONDS           set the lifetime of IAM tokens (default: 43200)
  --help                       show this help
`;

/** @throws Error for invalid arguments */
function parseOptions(
  args: readonly string[],
): EmulatorOptions & { readonly accountName: string | undefined } {
  const { values } = parseArgs({
    args: [...args],
    options: {
      port: { type: 'string', default: '0' },
      lifetime: { type: 'string', default: '43200' },
      'oauth-token': { type: 'string', multiple: true, default: [] },
      'service-account-key': { type: 'string', multiple: true, default: [] },
      'service-account-name': { type: 'string' },
    },
  });
  return {
    clock: createSystemClock(),
    port: parseInteger('--port', values.port, 0, 65_535),
    lifetimeMs: parseInteger('--lifetime', values.lifetime, 1, 43_200) * 1_000,
    oauthAccounts: values['oauth-token'].map((file) => ({ token: readOAuthToken(file) })),
    keys: values['service-account-key'].map((file) => readKey(file)),
    accountName: values['service-account-name'],
  };
}

function parseInteger(option: string, text: string, min: number, max: number): number {
  const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= min && value <= max) return value;
  throw new Error(`${option} must be a whole number from ${min} to ${max}`);
}

function readOAuthToken(file: string): string {
  const token = readOptionFile('--oauth-token', file).trim();
  if (token === '') throw new Error(`--oauth-token: ${file} is empty`);
  return token;
}

function readKey(file: string): AuthorizedKey {
  const key = parseAuthorizedKey(readOptionFile('--service-account-key', file));
  if (key === null) throw new Error(`--service-account-key: ${file} is not an authorized key`);
  return key;
}

function readOptionFile(option: string, file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw new Error(`${option}: ${file} cannot be read`, { cause });
  }
}

async function main(args: readonly string[]): Promise<void> {
  if (args.includes('--help')) {
    process.stdout.write(usage);
    return;
  }
  let options: ReturnType<typeof parseOptions>;
  try {
    options = parseOptions(args);
  } catch (error) {
    fail(`${errorMessage(error)}\n${usage}`, 2);
    return;
  }
  const emulator = await startEmulator(options);
  const { accountName: name, keys = [] } = options;
  if (name !== undefined)
    for (const { serviceAccountId } of keys) emulator.describeAccount(serviceAccountId, { name });
  for (const { serviceAccountId } of keys) emulator.keys.grant(serviceAccountId, serviceAccountId);
  const stop = (): void => void emulator.close();
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);
  process.stdout.write(`${emulator.url}\n`);
}

function fail(message: string, exitCode: number): void {
  process.stderr.write(`iam-emulator: error: ${message}`);
  process.exitCode = exitCode;
}

main(process.argv.slice(2)).catch((error: unknown) => fail(`${errorMessage(error)}\n`, 1));
