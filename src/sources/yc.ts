import { isAbsolute } from 'node:path';
import * as v from 'valibot';
import { behindVariable } from '../platform/find-program.ts';
import { given } from '../shared/given.ts';
import type { ProgramEnd, ProgramOutput } from '../shared/programs.ts';
import { resourceIdPattern } from '../shared/resource-id.ts';
import { Secret } from '../shared/secret.ts';
import type { ExchangeOutcome, IamTokenSource } from '../token/ports.ts';
import { call, failed } from './ask.ts';
import { type CredentialKind, type Installation, refusal, type SourceTools } from './credential-kind.ts';
import { believedToken, timestampMs } from './iam-token-answer.ts';
import { kept } from './kept.ts';
import { sayable } from './sayable.ts';

/** yc asks its own services, and may do so more than once. */
const unaskedMs = 20_000;
/** A person needs time in the browser; `login` itself takes 120 s at most. */
const askedMs = 110_000;
const configMs = 5_000;

/** Nothing of it is secret: yc keeps that itself. */
const keptSchema = v.object({ path: v.string(), profile: v.exactOptional(v.string()) });
type Kept = v.InferOutput<typeof keptSchema>;

const install = 'install it (https://yandex.cloud/en/docs/cli/quickstart), then: iam-token login --yc';

/** Whoever the vendor's own CLI is logged in as. */
export const ycKind: CredentialKind = {
  name: 'yc',

  async accept({ settings }, _installation, { programs }) {
    const { profile, path = programs.find('yc') } = settings;
    if (path === null) throw refusal('yc is not found on this machine', install);
    if (!isAbsolute(path) || /\p{C}/u.test(path)) throw refusal('the path of yc must be absolute');
    if (profile !== undefined && !/^[^\p{C}]{1,64}$/u.test(profile)) {
      throw refusal(
        'the name of the profile of yc must have 1 to 64 characters, none of them a control character',
      );
    }
    return new Secret(JSON.stringify(given({ path, profile }) satisfies Kept));
  },

  open: (credential, installation, tools) => ycSource(kept(keptSchema, credential), installation, tools),

  async cloudAndFolder(credential, tools, signal) {
    const yc = kept(keptSchema, credential);
    return given({ cloudId: await configured('cloud-id'), folderId: await configured('folder-id') });

    /** What yc does not know, or does not say, is not known here either. */
    async function configured(key: string): Promise<string | undefined> {
      const end = await run(yc, ['config', 'get', key], tools, false, configMs, signal);
      const value = end.how === 'exited' && end.code === 0 ? lastLine(end.stdout) : '';
      return resourceIdPattern.test(value) ? value : undefined;
    }
  },

  revocationAdvice(credential) {
    const { profile = 'NAME' } = kept(keptSchema, credential);
    return { message: 'yc itself is still logged in', hint: `yc config profile delete ${profile}` };
  },
};

function ycSource(yc: Kept, { endpoint }: Installation, tools: SourceTools): IamTokenSource {
  return {
    async exchange(signal, interactive) {
      const atMostMs = interactive ? askedMs : unaskedMs;
      const command = ['iam', 'create-token', '--no-user-output', '--format=json'];
      const end = await run(yc, command, tools, interactive, atMostMs, signal);
      /** Who is there can look at it; with nobody there, the next run may do better. */
      const odd = (message: string, hint: string): ExchangeOutcome =>
        failed(interactive ? 'needs_person' : 'transient', message, hint);
      switch (end.how) {
        case 'not_started':
          return notStarted(yc.path, end.code);
        case 'killed':
          return odd(`yc was ended by ${end.signal}`, refresh);
        case 'too_much':
          return odd('yc says more than 64 KiB instead of a token', inTerminal);
        case 'stopped':
          return failed('needs_person', 'yc wants somebody to log in, in a browser', refresh);
        case 'given_up':
          return signal.aborted ? failed('transient', 'the run of yc was given up') : silence(end);
        case 'exited':
          break;
        default:
          return end satisfies never;
      }
      if (notAProgram.includes(end.code)) return notStarted(yc.path, 'ENOEXEC');
      if (end.code !== 0) return refused(end.code, end, interactive);
      const read = readYcToken(end.stdout, tools.clock.now().wallMs);
      return read.ok ? read : odd(read.failure.message, inTerminal);

      /** Where Yandex Cloud answers and yc does not, it waits for somebody. */
      async function silence(saying: ProgramOutput): Promise<ExchangeOutcome> {
        const said = `yc did not end within ${atMostMs / 1_000} s`;
        const hint = interactive ? inTerminal : refresh;
        const request = { method: 'GET', url: `${endpoint}/`, headers: {} } as const;
        return interactive || wantsPerson(saying) || (await call('IAM', request, signal, tools)).ok
          ? failed('needs_person', `${said}; it seems to wait for somebody`, hint)
          : failed('transient', `${said}, and Yandex Cloud cannot be reached`, hint);
      }
    },
  };
}

const refresh = 'iam-token refresh';
const inTerminal = 'see what yc says in a terminal: yc iam create-token; then: iam-token refresh';

/**
 * @param interactive somebody is there: yc may open a browser. Else it must not, and has no screen to do so on
 */
function run(
  { path, profile }: Kept,
  command: readonly string[],
  { programs, clock }: SourceTools,
  interactive: boolean,
  atMostMs: number,
  signal: AbortSignal,
): Promise<ProgramEnd> {
  const args = [
    ...command,
    ...(profile === undefined ? [] : [`--profile=${profile}`]),
    ...(interactive ? [] : ['--no-browser']),
  ];
  const screenless = { DISPLAY: undefined, WAYLAND_DISPLAY: undefined, BROWSER: 'false' };
  const environment = {
    YC_CLI_INITIALIZATION_SILENCE: 'true',
    [behindVariable]: path,
    ...(interactive ? {} : screenless),
  };
  const either = AbortSignal.any([signal, clock.deadline(atMostMs)]);
  return programs.run({ path, args, environment, ...(interactive ? {} : { stopWhen: wantsPerson }) }, either);
}

/** A page to log in on. */
const loginPage = /https:\/\/(?:auth|oauth|passport|console)\.[\w.-]+\/\S/;

function wantsPerson({ stdout, stderr }: ProgramOutput): boolean {
  return loginPage.test(stdout) || loginPage.test(stderr);
}

const answerSchema = v.pipe(
  v.string(),
  v.parseJson(),
  v.object({ iam_token: v.optional(v.unknown()), expires_at: v.fallback(v.string(), '') }),
);
/** `<prefix>.<payload>.<signature>`: anything else in the last line is no token (the prefix may change). */
const tokenLine = /^[\w-]+\.[\w-]+={0,2}\.[\w-]+={0,2}$/;
/**
 * A yc that says a bare token does not say when it expires, and may have kept that token for hours. So little that
 * it will be true, and enough that the budget of exchanges is kept.
 */
const assumedLifeMs = 10 * 60_000;
const noToken = 'yc gave no token';

/**
 * Reads what `yc iam create-token --format json` says at the end of its output: `{"iam_token":"…","expires_at":"…"}`;
 * or the token alone, in the last line, as a yc says it that does not know the format.
 */
function readYcToken(stdout: string, nowMs: number): ExchangeOutcome {
  const answer = v.safeParse(answerSchema, stdout.slice(stdout.lastIndexOf('{')));
  if (answer.success) {
    const { iam_token: token, expires_at: expiresAt } = answer.output;
    return believedToken('yc', token, timestampMs(expiresAt) ?? nowMs + assumedLifeMs, nowMs);
  }
  const token = lastLine(stdout);
  if (token === '') return failed('transient', `${noToken}, and said nothing`);
  if (!tokenLine.test(token)) return failed('transient', `${noToken}: the last line of its output is none`);
  return believedToken('yc', token, nowMs + assumedLifeMs, nowMs);
}

/** A file that is no program goes to the shell, which says so (POSIX, "Exit Status for Commands"). */
const notAProgram: readonly number[] = [126, 127];

/** @param code as the system names it */
function notStarted(path: string, code: string): ExchangeOutcome {
  switch (code) {
    case 'ENOENT':
    case 'ENOTDIR':
      return failed('needs_person', `yc is not at ${path}`, install);
    case 'EACCES':
    case 'ENOEXEC':
      return failed('needs_person', `${path} is no program that may be run`, install);
    default:
      return failed('transient', `${path} could not be started (${code})`);
  }
}

/** The code of a gRPC error by its name, as yc passes it on: those that no second try will change. */
const terminalCode = /\bcode = (?:InvalidArgument|PermissionDenied|FailedPrecondition|Unauthenticated)\b/;

function refused(code: number, said: ProgramOutput, interactive: boolean): ExchangeOutcome {
  const text = sayable(lastLine(said.stderr), '');
  const message = `yc ended with exit code ${code}${text === '' ? '' : `: ${text}`}`;
  if (terminalCode.test(said.stderr)) return failed('terminal', message, inTerminal);
  // A question that nobody could answer: its line has no end.
  if (/[^\n]$/.test(said.stderr) || /[^\n]$/.test(said.stdout)) {
    return failed('needs_person', message, interactive ? inTerminal : refresh);
  }
  return failed('transient', message, inTerminal);
}

function lastLine(text: string): string {
  return text.trim().split(/\r?\n/).at(-1)?.trim() ?? '';
}
