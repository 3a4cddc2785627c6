import { parseArgs } from 'node:util';
import { IamTokenError } from '../client/iam-token-error.ts';
import { behindVariable, programPlaces } from '../platform/find-program.ts';
import { isForeignProgram } from '../platform/surroundings.ts';
import { profileNamePattern } from '../protocol/messages.ts';
import { type Call, type Command, profileOf, withDaemon } from './command.ts';
import { kubernetesCredential } from './credential-helpers.ts';
import { usageError } from './endings.ts';
import { idIn } from './env.ts';
import { runThrough } from './exec.ts';
import { wholeStatus } from './pages.ts';
import { print, printError, printWarning } from './terminal.ts';
import { createToken, tokenFor } from './token.ts';

/** Of yc's flags, those that what we answer may be given (yandex.cloud/en/docs/cli/cli-ref, November 2026). */
const ycOptions = {
  profile: { type: 'string' },
  'impersonate-service-account-id': { type: 'string' },
  'cloud-id': { type: 'string' },
  'folder-id': { type: 'string' },
  'folder-name': { type: 'string' },
  format: { type: 'string' },
  retry: { type: 'string' },
  'no-user-output': { type: 'boolean' },
  'no-browser': { type: 'boolean' },
  debug: { type: 'boolean' },
} as const;

/** What it does for itself, without a token; `init` and `config` are how somebody logs in to it. */
const withoutToken: readonly (string | undefined)[] = [
  undefined,
  'init',
  'config',
  'version',
  'components',
  'completion',
  'help',
];

/** @returns nothing where the real yc is to answer */
type Answer = (call: Call) => Promise<number | void | 'not ours'>;

const answers: Readonly<Record<string, Answer>> = {
  'iam create-token': createToken,
  'k8s create-token': kubernetesCredential,
  'managed-kubernetes create-token': kubernetesCredential,
  'config get cloud-id': (call) => printScope(call, 'cloudId'),
  'config get folder-id': (call) => printScope(call, 'folderId'),
};

/**
 * Stands in for yc: what it is asked for tokens is answered here, and the real yc does the rest with our token. A
 * profile that only yc has is its own affair: it does all itself.
 */
export const yc: Command = async (call) => {
  const { env } = call.surroundings;
  if (env[behindVariable] !== undefined) {
    throw usageError(`${env[behindVariable]} was run as the real yc, and leads back to iam-token`);
  }
  const { words, given, isPlain, hasToken } = readArguments(call.foreign);
  const asked: Call = { ...call, options: new Map([...call.options, ...given]) };
  const answer = isPlain ? answers[words.join(' ')] : undefined;
  const real = programPlaces('yc', call.surroundings).find(isForeignProgram);
  try {
    const outcome = answer === undefined ? 'not ours' : await answer(asked);
    if (outcome !== 'not ours') return outcome;
  } catch (error) {
    if (real === undefined || !isUnknownProfile(error, given)) throw error;
  }
  if (real === undefined) {
    printError('yc is not found on this machine', 'https://yandex.cloud/en/docs/cli/quickstart');
    return 127;
  }
  const token = hasToken || withoutToken.includes(words[0]) ? {} : await ownToken(asked, given);
  return runThrough([real, ...call.foreign], { ...env, ...token, [behindVariable]: real });
};

interface YcArguments {
  readonly words: readonly string[];
  /** The flags that we know, of those that stand there. */
  readonly given: ReadonlyMap<string, string>;
  /** There is nothing that we do not know. */
  readonly isPlain: boolean;
  readonly hasToken: boolean;
}

function readArguments(foreign: readonly string[]): YcArguments {
  const { values, positionals } = parseArgs({
    args: [...foreign],
    options: ycOptions,
    strict: false,
    allowPositionals: true,
  });
  const known = Object.entries(values).filter(([name, value]) => isKnown(name, value));
  return {
    words: positionals,
    given: new Map(known.map(([name, value]) => [name, value === true ? '' : String(value)])),
    isPlain: known.length === Object.keys(values).length,
    hasToken: 'token' in values,
  };
}

function isKnown(name: string, value: unknown): boolean {
  const types: Readonly<Record<string, { readonly type: string }>> = ycOptions;
  if (typeof value !== types[name]?.type) return false;
  if (name === 'format') return ['text', 'json', 'yaml'].includes(String(value));
  return name !== 'profile' || profileNamePattern.test(String(value));
}

/** The cloud or the folder of the profile, where it has one. */
async function printScope(call: Call, key: 'cloudId' | 'folderId'): Promise<'not ours' | void> {
  const params = profileOf(call);
  const { profiles } = await withDaemon(call, (connection, patience) =>
    wholeStatus(connection, params.profile, patience),
  );
  const id = idIn(profiles.find(({ isDefault }) => isDefault || params.profile !== undefined)?.[key]);
  if (id === undefined) return 'not ours';
  print(id);
}

/** Where there is none, yc goes on with what it has itself. */
async function ownToken(call: Call, given: YcArguments['given']): Promise<{ YC_IAM_TOKEN?: string }> {
  try {
    return { YC_IAM_TOKEN: (await tokenFor(call)).token };
  } catch (error) {
    if (!(error instanceof IamTokenError)) throw error;
    if (!isUnknownProfile(error, given))
      printWarning(`${error.message}; yc goes on with its own login`, error.hint);
    return {};
  }
}

/** Named in yc's own words, and not one of ours. */
function isUnknownProfile(error: unknown, given: YcArguments['given']): boolean {
  return given.has('profile') && error instanceof IamTokenError && error.code === 'unknown_profile';
}
