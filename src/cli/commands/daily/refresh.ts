import { callDaemon, type CommandContext, type CommandDefinition, profileParamsOf } from '../../command.ts';
import { keychainTimeoutMs, profileOption } from '../../parsing/options.ts';
import { escapeControlCharacters } from '../../terminal/escape.ts';
import { formatLocalTime, print, withProgress } from '../../terminal/terminal.ts';
import * as methods from '../../../protocol/methods.ts';

export const refresh: CommandDefinition = {
  name: 'refresh',
  summary: 'renew the token now',
  description:
    'This also works after a failure that the daemon does not retry, such as a rejected credential.',
  options: { profile: profileOption },
  examples: ['iam-token refresh', 'iam-token refresh --profile work'],
  timeoutMs: keychainTimeoutMs,
  run: runRefresh,
};

async function runRefresh(context: CommandContext): Promise<void> {
  const refreshing = callDaemon(context, methods.refresh, profileParamsOf(context));
  const { profile, expiresAt } = await withProgress('Yandex Cloud to renew the token', refreshing);
  const expiry = formatLocalTime(expiresAt, context.clock.now().wallMs);
  print(`renewed ${escapeControlCharacters(profile)}; IAM token valid until ${expiry}`);
}
