import type { IamTokenOptions } from '../client/api-types.ts';
import { requestToken } from '../client/request-token.ts';
import type { TokenResult } from '../protocol/method-types.ts';
import { formatTimeSpan } from '../shared/duration.ts';
import type { CommandContext } from './command.ts';
import { printNote } from './terminal/terminal.ts';

/** The token request that the options of a command describe. */
export function tokenRequestOf({
  options,
  socketPath,
  timeoutMs,
  minTtlMs,
}: CommandContext): IamTokenOptions {
  return {
    profile: options.get('profile'),
    minTtlMs,
    impersonateServiceAccountId: options.get('impersonate-service-account-id'),
    socketPath,
    timeoutMs,
  };
}

export function requestTokenFor(context: CommandContext): Promise<TokenResult> {
  return requestToken(tokenRequestOf(context), context.processContext);
}

/** The daemon serves a token that was just issued although it misses `--min-ttl` by less than a minute. */
export function noteShortLifetime(
  { expiresAt, clockOffsetMs = 0 }: TokenResult,
  { clock, minTtlMs = 0 }: CommandContext,
): void {
  const timeLeftMs = Date.parse(expiresAt) - clockOffsetMs - clock.now().wallMs;
  const missingMs = minTtlMs - timeLeftMs;
  if (missingMs <= 0 || missingMs >= 60_000) return;
  printNote(
    `the token is valid for ${formatTimeSpan(timeLeftMs)}, a little less than the requested ${formatTimeSpan(minTtlMs)}`,
  );
}
