/** `login --replace-key`: the key of the file is replaced by one that no file has. */
import type { LoginResult } from '../../protocol/method-types.ts';
import { formatTimeSpan } from '../../shared/duration.ts';
import { daemonHint } from '../../shared/hint.ts';
import { quoteShellWord } from '../../shared/shell-quoting.ts';
import { usageError } from '../cli-errors.ts';
import type { CommandContext } from '../command.ts';
import { flag } from '../parsing/options.ts';
import { replaceKey } from './replace-key.ts';
import { canPrompt, promptYesNo } from '../terminal/prompt.ts';
import { formatLocalTime, print, printNote } from '../terminal/terminal.ts';

export const replaceKeyOptions = {
  'replace-key': flag(
    'with --service-account-key: replace the key by one that only the daemon has, and delete the one in the file',
  ),
  'keep-old-key': flag('with --replace-key: do not delete the key in the file'),
  yes: flag('with --replace-key: do not ask whether other programs use the key'),
};

/** Before the daemon is called. @throws IamTokenError `bad_request` */
export function validateReplaceKey(context: CommandContext, formatLogin: () => string): void {
  const { options, processContext } = context;
  if (!options.has('replace-key')) {
    const misplaced = ['keep-old-key', 'yes'].find((option) => options.has(option));
    if (misplaced !== undefined) throw usageError(`--${misplaced} requires --replace-key`);
    return;
  }
  const path = options.get('service-account-key') ?? '-';
  if (!requiresConsent(context) || (canPrompt() && path !== '-')) return;
  throw usageError(
    '--replace-key deletes the key that other programs may use; without a terminal for the question, it requires --yes',
    daemonHint(
      `${formatLogin()} --service-account-key ${quoteShellWord(path, processContext.platform)} --replace-key --yes`,
    ),
  );
}

function requiresConsent({ options }: CommandContext): boolean {
  return !options.has('yes') && !options.has('keep-old-key');
}

/**
 * @returns whether the key in the file is still of use
 * @throws IamTokenError
 */
export async function replaceKeyAfterLogin(
  context: CommandContext,
  profile: string,
  lastUse: LoginResult['lastUse'],
): Promise<boolean> {
  const { clock, options } = context;
  const path = options.get('service-account-key') ?? '-';
  const file = path === '-' ? 'the key file' : path;
  if (requiresConsent(context)) {
    const seen = describeLastUse(lastUse, clock.now().wallMs);
    const question = `iam-token: ${seen}. Other programs that use ${file} stop working. Replace the key?`;
    if (!(await promptYesNo(question, 'no'))) {
      printNote(`the key in ${file} is not replaced, and stays valid`);
      return true;
    }
  }
  const keepReplacedKey = options.has('keep-old-key');
  const { keyId, replacedKeyId, replacedKey } = await replaceKey(context, { profile, keepReplacedKey });
  const outcomes = {
    deleted: `${file} is worthless from now on`,
    kept: `${file} stays valid`,
    in_use: `${file} stays valid, because another profile uses its key`,
    not_deleted: `${file} stays valid`,
  } as const;
  print(`replaced the key: ${keyId} replaces ${replacedKeyId}; ${outcomes[replacedKey]}`);
  return replacedKey !== 'deleted';
}

function describeLastUse(lastUse: LoginResult['lastUse'], nowMs: number): string {
  if (lastUse === undefined) return 'it is not known when this key was last used';
  const { isThisLogin, usedAt } = lastUse;
  if (usedAt === null) return 'IAM has no record of when this key was last used';
  if (isThisLogin) return 'the last recorded use of this key is this login, which hides earlier ones';
  const age = formatTimeSpan(nowMs - Date.parse(usedAt));
  return `this key was last used at ${formatLocalTime(usedAt, nowMs)}, ${age} ago`;
}
