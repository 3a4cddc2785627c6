import * as v from 'valibot';
import { shimRecursionEnv } from '../../platform/program-candidates.ts';
import type { ProgramOutput, ProgramResult } from '../../shared/program-runner.ts';
import type { SourceTools } from '../credential-kind.ts';

/** Not secret: yc keeps the credential itself. */
export const storedYcSchema = v.object({ path: v.string(), profile: v.exactOptional(v.string()) });
export type StoredYc = v.InferOutput<typeof storedYcSchema>;

/** An address that may be a login page. */
const loginHostPattern = /https:\/\/(?:auth|oauth|passport|console)\.[\w.-]+\/[^\s"'<>]+/g;
/** Endpoints that yc itself calls; its network errors name them. */
const apiPathPattern = /\/(?:token|endpoints|\.well-known\/[^?]*|jwks[^?]*)(?:\?|$)/;
/** Go's net/url quotes an address in an error like this: `Post "https://…": dial tcp …`. */
const goErrorPattern = /(?:Get|Head|Post|Put) "?$/;
/** A question at the end of the output, without a line end: `Password: `, `Continue? `, `[Y/n] `, `(yes/no) `. */
const promptPattern = /(?:[?:]|\[[^\]\n]*\/[^\]\n]*\]|\([^)\n]*\/[^)\n]*\))[ >]*$/;

/**
 * Runs yc with these arguments for at most `timeoutMs`.
 * @param interactive allows yc to open a browser; otherwise it is stopped as soon as it prints a login page
 */
export function runYc(
  { path, profile }: StoredYc,
  command: readonly string[],
  { programs, clock }: SourceTools,
  interactive: boolean,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<ProgramResult> {
  const args = [
    ...command,
    ...(profile === undefined ? [] : [`--profile=${profile}`]),
    ...(interactive ? [] : ['--no-browser']),
  ];
  // Older releases ignore --no-browser; without a display they cannot open one either.
  const headlessEnvironment = { DISPLAY: undefined, WAYLAND_DISPLAY: undefined, BROWSER: 'false' };
  const environment = {
    YC_CLI_INITIALIZATION_SILENCE: 'true',
    [shimRecursionEnv]: path,
    ...(interactive ? {} : headlessEnvironment),
  };
  const runSignal = AbortSignal.any([signal, clock.timeoutSignal(timeoutMs)]);
  return programs.run(
    { path, args, environment, ...(interactive ? {} : { stopWhen: hasLoginUrl }) },
    runSignal,
  );
}

/** Whether yc has printed the address of a login page. An address counts once something follows it: the rest may be on its way. */
export function hasLoginUrl({ stdout, stderr }: ProgramOutput): boolean {
  return [stdout, stderr].some((text) =>
    [...text.matchAll(loginHostPattern)].some(
      ({ 0: url, index }) =>
        index + url.length < text.length &&
        !apiPathPattern.test(url) &&
        !goErrorPattern.test(text.slice(0, index)),
    ),
  );
}

/** Whether yc has prompted the user, as far as its complete output shows: by a login page or a prompt. */
export function requiresUser({ stdout, stderr }: ProgramOutput): boolean {
  return (
    hasLoginUrl({ stdout: `${stdout}\n`, stderr: `${stderr}\n` }) ||
    promptPattern.test(stdout) ||
    promptPattern.test(stderr)
  );
}
