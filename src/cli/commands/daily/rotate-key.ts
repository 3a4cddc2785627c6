import { type CommandContext, type CommandDefinition, profileParamsOf } from '../../command.ts';
import { keychainTimeoutMs, profileOption } from '../../parsing/options.ts';
import { replaceKey } from '../../keys/replace-key.ts';
import { escapeControlCharacters } from '../../terminal/escape.ts';
import { print } from '../../terminal/terminal.ts';

export const rotateKey: CommandDefinition = {
  name: 'rotate-key',
  summary: 'replace the authorized key of a service account',
  description:
    'The daemon creates another key, verifies it by an exchange, and then deletes the old one in IAM, together with the IAM tokens that were made with it. The service account needs the role iam.serviceAccounts.keyAdmin for itself. To replace keys at an age, set keys: { rotateAfter: 90d } in config.yaml.',
  options: { profile: profileOption },
  examples: ['iam-token rotate-key', 'iam-token rotate-key --profile ci'],
  timeoutMs: keychainTimeoutMs,
  run: runRotateKey,
};

async function runRotateKey(context: CommandContext): Promise<void> {
  const { profile, keyId, replacedKeyId, replacedKey } = await replaceKey(context, profileParamsOf(context));
  const outcomes = {
    deleted: 'which is deleted',
    kept: 'which stays valid, because the configuration folder that this one was copied from uses it',
    in_use: 'which stays valid, because another profile uses it',
    not_deleted: 'which stays valid',
  } as const;
  print(
    `replaced the key of ${escapeControlCharacters(profile)}: ${keyId} replaces ${replacedKeyId}, ${outcomes[replacedKey]}`,
  );
}
