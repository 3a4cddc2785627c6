import { isAbsolute } from 'node:path';
import * as v from 'valibot';
import { behindVariable } from '../platform/find-program.ts';
import { ProblemError } from '../shared/errors.ts';
import type { ProgramEnd, ProgramOutput } from '../shared/programs.ts';
import { resourceIdPattern } from '../shared/resource-id.ts';
import { Secret } from '../shared/secret.ts';
import type { ExchangeFailure, ExchangeOutcome, IamTokenSource } from '../token/ports.ts';
import { call } from './call.ts';
import type { CredentialKind, Installation, SourceTools } from './credential-kind.ts';
import { kept } from './kept.ts';
import { sayable } from './sayable.ts';
import { readYcToken } from './yc-answer.ts';

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
    return new Secret(JSON.stringify({ path, ...(profile === undefined ? {} : { profile }) } satisfies Kept));
  },

  open: (credential, installation, tools) => ycSource(kept(keptSchema, credential), installation, tools),

  async cloudAndFolder(credential, tools, signal) {
    const yc = kept(keptSchema, credential);
    const [cloudId, folderId] = [await configured('cloud-id'), await configured('folder-id')];
    return { ...(cloudId === null ? {} : { cloudId }), ...(folderId === null ? {} : { folderId }) };

    /** What yc does not know, or does not say, is not known here either. */
    async function configured(key: string): Promise<string | null> {
      const end = await run(yc, ['config', 'get', key], tools, false, configMs, signal);
      const value = end.how === 'exited' && end.code === 0 ? lastLine(end.stdout) : '';
      return resourceIdPattern.test(value) ? value : null;
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
      const end = await run(
        yc,
        ['iam', 'create-token', '--no-user-output', '--format=json'],
        tools,
        interactive,
        interactive ? askedMs : unaskedMs,
        signal,
      );
      if (end.how === 'exited' && end.code === 0) return outcomeOf(end, tools, interactive);
      if (end.how !== 'given_up') return failed(failureOf(yc, end, interactive));
      if (signal.aborted) return failed({ kind: 'transient', message: 'the run of yc was given up' });
      return failed(await silence(end));

      /** Where Yandex Cloud answers and yc does not, it waits for somebody. */
      async function silence(said: ProgramOutput): Promise<ExchangeFailure> {
        const seconds = (interactive ? askedMs : unaskedMs) / 1_000;
        const request = { method: 'GET', url: `${endpoint}/`, headers: {} } as const;
        const forPerson = interactive || wantsPerson(said) || (await call('IAM', request, signal, tools)).ok;
        return {
          kind: forPerson ? 'needs_person' : 'transient',
          message: forPerson
            ? `yc did not end within ${seconds} s; it seems to wait for somebody`
            : `yc did not end within ${seconds} s, and Yandex Cloud cannot be reached`,
          hint: interactive ? inTerminal : refresh,
        };
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

function outcomeOf(end: ProgramOutput, { clock }: SourceTools, interactive: boolean): ExchangeOutcome {
  const answer = readYcToken(end.stdout, clock.now().wallMs);
  if (answer.ok) return answer;
  return failed({
    kind: interactive ? 'needs_person' : 'transient',
    message: answer.message,
    hint: inTerminal,
  });
}

/** The code of a gRPC error by its name, as yc passes it on: those that no second try will change. */
const terminalCode = /\bcode = (?:InvalidArgument|PermissionDenied|FailedPrecondition|Unauthenticated)\b/;

/** A file that is no program goes to the shell, which says so (POSIX, "Exit Status for Commands"). */
const notAProgram: readonly number[] = [126, 127];

function failureOf({ path }: Kept, end: ProgramEnd, interactive: boolean): ExchangeFailure {
  switch (end.how) {
    case 'not_started':
      return startFailure(path, end.code);
    case 'killed':
      return {
        kind: interactive ? 'needs_person' : 'transient',
        message: `yc was ended by ${end.signal}`,
        hint: refresh,
      };
    case 'stopped':
    case 'given_up':
      return { kind: 'needs_person', message: 'yc wants somebody to log in, in a browser', hint: refresh };
    case 'too_much':
      return {
        kind: interactive ? 'needs_person' : 'transient',
        message: 'yc says more than 64 KiB instead of a token',
        hint: inTerminal,
      };
    case 'exited':
      return notAProgram.includes(end.code)
        ? startFailure(path, 'ENOEXEC')
        : exitFailure(end.code, end, interactive);
    default:
      return end satisfies never;
  }
}

function startFailure(path: string, code: string): ExchangeFailure {
  switch (code) {
    case 'ENOENT':
    case 'ENOTDIR':
      return { kind: 'needs_person', message: `yc is not at ${path}`, hint: install };
    case 'EACCES':
    case 'ENOEXEC':
      return { kind: 'needs_person', message: `${path} is no program that may be run`, hint: install };
    default:
      return { kind: 'transient', message: `${path} could not be started (${code})` };
  }
}

function exitFailure(code: number, said: ProgramOutput, interactive: boolean): ExchangeFailure {
  const text = sayable(lastLine(said.stderr), '');
  const message = `yc ended with exit code ${code}${text === '' ? '' : `: ${text}`}`;
  if (terminalCode.test(said.stderr)) return { kind: 'terminal', message, hint: inTerminal };
  // A question that nobody could answer: its line has no end.
  if (/[^\n]$/.test(said.stderr) || /[^\n]$/.test(said.stdout)) {
    return { kind: 'needs_person', message, hint: interactive ? inTerminal : refresh };
  }
  return { kind: 'transient', message, hint: inTerminal };
}

function failed(failure: ExchangeFailure): ExchangeOutcome {
  return { ok: false, failure };
}

function lastLine(text: string): string {
  return text.trim().split(/\r?\n/).at(-1)?.trim() ?? '';
}

function refusal(message: string, hint?: string): ProblemError {
  return new ProblemError({ code: 'bad_request', message, ...(hint === undefined ? {} : { hint }) });
}
