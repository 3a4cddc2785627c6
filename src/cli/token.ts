/** The way to a token: nothing is loaded here that the call without arguments does not need. */
import { requestToken, type TokenRequest } from '../client/request-token.ts';
import type { Surroundings } from '../platform/places.ts';
import type { TokenAnswer } from '../protocol/messages.ts';
import type { Call, Command } from './command.ts';
import { isTerminal, print, printWarning, waiting } from './terminal.ts';
import { jsonLine } from './visible.ts';

/** What is printed of an answer. */
type TokenFormat = (answer: TokenAnswer) => string;

/** @param quiet says nothing but errors on stderr */
export async function printToken(
  request: TokenRequest,
  surroundings: Surroundings,
  format: TokenFormat = ({ token }) => token,
  quiet = false,
): Promise<void> {
  const asked = requestToken(request, surroundings);
  const answer = await (quiet ? asked : waiting('a token', asked));
  print(format(answer));
  if (!quiet) passOnWarning(answer);
}

export function passOnWarning({ warning }: TokenAnswer): void {
  if (warning !== undefined && isTerminal('stderr')) printWarning(warning.message, warning.hint);
}

const formats: Readonly<Record<string, TokenFormat>> = {
  json: jsonLine,
  header: ({ token }) => `Authorization: Bearer ${token}`,
};

/** As `yc iam create-token` prints it. */
const ycFormats: Readonly<Record<string, TokenFormat>> = {
  json: ({ token, expiresAt }) => jsonLine({ iam_token: token, expires_at: expiresAt }),
  yaml: ({ token, expiresAt }) => `iam_token: ${token}\nexpires_at: "${expiresAt}"`,
};

const commandWith =
  (available: Readonly<Record<string, TokenFormat>>): Command =>
  (call) => {
    const { options, surroundings } = call;
    const format = available[options.get('format') ?? ''];
    return printToken(tokenRequest(call), surroundings, format, options.has('no-user-output'));
  };

/** The command without a name. */
export const token = /* @__PURE__ */ commandWith(formats);

/** Stands in for `yc iam create-token`, with its options and its output. */
export const createToken = /* @__PURE__ */ commandWith(ycFormats);

/** All that the options of a call say of a token. */
export function tokenRequest({ options, socketPath, timeoutMs, minTtlMs }: Call): TokenRequest {
  return {
    profile: options.get('profile'),
    minTtlMs,
    impersonateServiceAccountId: options.get('impersonate-service-account-id'),
    socketPath,
    timeoutMs,
  };
}

/** A token for a program that calls us. */
export function tokenFor(call: Call): Promise<TokenAnswer> {
  return requestToken(tokenRequest(call), call.surroundings);
}
