import type { Call, Command } from './command.ts';
import { plainToken, printToken, type TokenFormat } from './token.ts';
import { tokenRequest } from './token-environment.ts';
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

function printed(call: Call, available: Readonly<Record<string, TokenFormat>>): Promise<void> {
  const { options, surroundings } = call;
  const format = available[options.text('format') ?? 'text'] ?? plainToken.format;
  return printToken(tokenRequest(call), { format, quiet: options.flag('no-user-output') }, surroundings);
}
