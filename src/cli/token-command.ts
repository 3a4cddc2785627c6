import type { Call, Command } from './command.ts';
import { plainToken, printToken, type TokenFormat } from './token.ts';
import { jsonLine } from './visible.ts';

const formats: Readonly<Record<string, TokenFormat>> = {
  json: jsonLine,
  header: ({ token }) => `Authorization: Bearer ${token}`,
};

/** As `yc iam create-token` prints it. */
const ycFormats: Readonly<Record<string, TokenFormat>> = {
  json: ({ token, expiresAt }) => jsonLine({ iam_token: token, expires_at: expiresAt }),
  yaml: ({ token, expiresAt }) => `iam_token: ${token}\nexpires_at: "${expiresAt}"`,
};

/** The command without a name. */
export const token: Command = (call) => printed(call, formats);

/** Stands in for `yc iam create-token`, with its options and its output. */
export const createToken: Command = (call) => printed(call, ycFormats);

function printed(
  { options, surroundings }: Call,
  available: Readonly<Record<string, TokenFormat>>,
): Promise<void> {
  const request = {
    profile: options.text('profile'),
    minTtlMs: options.durationMs('min-ttl'),
    impersonateServiceAccountId: options.text('impersonate-service-account-id'),
    socketPath: options.text('socket'),
    timeoutMs: options.durationMs('timeout'),
  };
  const format = available[options.text('format') ?? 'text'] ?? plainToken.format;
  return printToken(request, { format, quiet: options.flag('no-user-output') }, surroundings);
}
