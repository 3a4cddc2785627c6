/** Turns the output of `yc iam create-token` into an outcome. */
import * as v from 'valibot';
import type { Hint } from '../../shared/hint.ts';
import type { ProgramOutput } from '../../shared/program-runner.ts';
import type { Secret } from '../../shared/secret.ts';
import type { ExchangeOutcome } from '../../token/token-source.ts';
import { sanitizeUpstreamText } from '../exchange/sanitize-upstream-text.ts';
import { createFailure } from '../exchange/send-exchange.ts';
import { parseTimestampMs, validateToken, withRelativeExpiry } from '../exchange/token-response.ts';
import { requiresUser } from './yc-process.ts';

export const refreshHint: Hint = { command: 'refresh' };
export const terminalHint: Hint = [
  'look at what yc prints in a terminal: yc iam create-token',
  { text: 'then', command: 'refresh' },
];
export const installHint: Hint = {
  text: 'install it (https://yandex.cloud/en/docs/cli/quickstart), then',
  command: 'login',
  kind: 'yc',
};

const tokenOutputSchema = v.pipe(
  v.string(),
  v.parseJson(),
  v.object({ iam_token: v.optional(v.unknown()), expires_at: v.fallback(v.string(), '') }),
);
/** `<prefix>.<payload>.<signature>`; the prefix may change. */
const tokenLinePattern = /^[\w-]+\.[\w-]+={0,2}\.[\w-]+={0,2}$/;
/**
 * For output without an expiry. yc may have cached the token for hours, so this is short; six renewals an hour are well
 * within the budget.
 */
const assumedLifetimeMs = 10 * 60_000;

/**
 * Parses the output of `yc iam create-token --format json`, which ends with `{"iam_token":"…","expires_at":"…"}`, or of a
 * release that ignores the format and prints the token alone in the last line.
 */
export function parseYcToken(stdout: string, nowMs: number): ExchangeOutcome<Secret> {
  const parsed = v.safeParse(tokenOutputSchema, stdout.slice(stdout.lastIndexOf('{')));
  if (parsed.success) {
    const { iam_token: token, expires_at: expiresAt } = parsed.output;
    const expiresAtMs = parseTimestampMs(expiresAt);
    return expiresAtMs === null
      ? validateTokenWithoutExpiry(token, nowMs)
      : validateToken('yc', token, expiresAtMs, nowMs);
  }
  const token = lastLine(stdout);
  if (token === '') return createFailure('transient', 'yc printed no token and no message');
  if (!tokenLinePattern.test(token))
    return createFailure('transient', 'the last line of the output of yc is not a token');
  return validateTokenWithoutExpiry(token, nowMs);
}

function validateTokenWithoutExpiry(token: unknown, nowMs: number): ExchangeOutcome<Secret> {
  return withRelativeExpiry(validateToken('yc', token, nowMs + assumedLifetimeMs, nowMs));
}

/** Exit codes of a shell that could not run a file (POSIX, "Exit Status for Commands"). */
export const notExecutableCodes: readonly number[] = [126, 127];

/** @param code the system error code */
export function createStartFailure(path: string, code: string): ExchangeOutcome<never> {
  switch (code) {
    case 'ENOENT':
    case 'ENOTDIR':
      return createMissingFailure(`no yc at ${path}`);
    case 'EACCES':
    case 'ENOEXEC':
      return createMissingFailure(`${path} is not an executable program`);
    default:
      return createFailure('transient', `cannot start ${path} (${code})`);
  }
}

/** The schedule retries: an update replaces the program, and its folder may be mounted later. */
function createMissingFailure(message: string): ExchangeOutcome<never> {
  const { failure } = createFailure('interaction_required', message, installHint);
  return { ok: false, failure: { ...failure, retryOnSchedule: true } };
}

/** gRPC error codes, as yc prints them, for which a retry cannot help. */
const terminalCodePattern =
  /\bcode = (?:InvalidArgument|PermissionDenied|FailedPrecondition|Unauthenticated)\b/;

export function createExitFailure(
  code: number,
  output: ProgramOutput,
  interactive: boolean,
): ExchangeOutcome<never> {
  const text = sanitizeUpstreamText(lastLine(output.stderr), '');
  const message = `yc failed with exit code ${code}${text === '' ? '' : `: ${text}`}`;
  if (terminalCodePattern.test(output.stderr)) return createFailure('terminal', message, terminalHint);
  if (requiresUser(output)) {
    return createFailure('interaction_required', message, interactive ? terminalHint : refreshHint);
  }
  return createFailure('transient', message, terminalHint);
}

export function lastLine(text: string): string {
  return text.trim().split(/\r?\n/).at(-1)?.trim() ?? '';
}
