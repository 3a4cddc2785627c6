import { IamTokenError, type IamTokenErrorCode } from '../../shared/errors.ts';
import { callsDaemon, formatHint } from '../../shared/hint.ts';
import { ConfigError } from '../../config/read-config.ts';
import { errorMessage } from '../../shared/error-utils.ts';
import type { CommandContext } from '../command.ts';
import { hasCommands } from '../commands/daily/status/format-status.ts';
import { formatSocketLine } from '../socket-line.ts';
import { writeBundle } from './bundle.ts';
import { type Check, type CheckResult, fail, type Finding, skip } from './check-result.ts';
import { checks } from './checks.ts';
import { createDoctorContext, type DoctorContext } from './doctor-context.ts';
import { exitCodeOf, reportError } from '../parsing/exit-codes.ts';
import { printNote, type StyleText, createStyleText, print, withProgress } from '../terminal/terminal.ts';
import { formatJsonLine, escapeControlCharacters, escapeLines } from '../terminal/escape.ts';

// For `install`: the doctor is a bundle of its own, with packages that other commands do not load.
export { checkConfiguration } from './check-configuration.ts';

type NamedResult = CheckResult & { readonly check: string };

/** A bundle of its own, like `run-command-line.ts`: only the exit code is returned. */
export function runDoctor(commandContext: CommandContext): Promise<number> {
  return examine(commandContext).catch((error: unknown) => reportError(error, commandContext));
}

async function examine(commandContext: CommandContext): Promise<number> {
  const { options, processContext } = commandContext;
  const context = createDoctorContext(commandContext);
  const results = await withProgress('the checks', runChecks(context));
  const findings = results.map((result): Finding => ({
    ...result,
    command: result.command === null ? null : formatHint(result.command),
  }));
  if (options.has('json')) {
    print(formatJsonLine({ checks: findings }));
  } else {
    const hasCommand =
      results.some(({ command }) => command !== null && callsDaemon(command)) ||
      (context.status !== undefined && hasCommands(context.status));
    const socketLine = hasCommand ? formatSocketLine(commandContext) : undefined;
    if (socketLine !== undefined) print(`hint: ${escapeControlCharacters(socketLine)}`);
    print(formatFindings(findings, createStyleText(processContext.env)).join('\n'));
  }
  const bundle = options.get('bundle');
  if (bundle !== undefined) {
    await writeBundle(bundle, context, findings);
    printNote(`wrote ${bundle}`);
  }
  const firstFailure = findings.find(({ mark }) => mark === 'failed');
  return firstFailure?.code ? exitCodeOf(firstFailure.code) : 0;
}

async function runChecks(context: DoctorContext): Promise<readonly NamedResult[]> {
  const namedResults: NamedResult[] = [];
  const failedChecks = new Set<string>();
  for (const check of checks) {
    const { name, dependsOn } = check;
    const isBlocked = dependsOn !== null && failedChecks.has(dependsOn);
    const results = isBlocked
      ? [skip(`needs the check "${dependsOn}" to pass`)]
      : await runCheck(check, context);
    if (isBlocked || results.some(({ mark }) => mark === 'failed')) failedChecks.add(name);
    namedResults.push(...results.map((result) => ({ check: name, ...result })));
  }
  context.connection?.close();
  return namedResults;
}

async function runCheck(
  { run, defaultHint }: Check,
  context: DoctorContext,
): Promise<readonly CheckResult[]> {
  try {
    return [await run(context)].flat();
  } catch (error) {
    const hint = error instanceof IamTokenError ? error.unrenderedHint : undefined;
    return [fail(problemCodeOf(error), errorMessage(error), hint ?? defaultHint?.(context))];
  }
}

function problemCodeOf(error: unknown): IamTokenErrorCode {
  if (error instanceof IamTokenError) return error.code;
  return error instanceof ConfigError ? 'bad_request' : 'internal';
}

const styleByMark = { ok: 'success', warning: 'warning', failed: 'error', skipped: 'warning' } as const;

function formatFindings(findings: readonly Finding[], styleText: StyleText): readonly string[] {
  const width = Math.max(...findings.map(({ check }) => escapeControlCharacters(check).length));
  const indent = ' '.repeat(width + 11);
  return findings.flatMap(({ check, mark, reason, command }) => {
    const [firstLine = '', ...furtherLines] = escapeLines(reason);
    return [
      `${styleText(styleByMark[mark], mark.padEnd(7))}  ${escapeControlCharacters(check).padEnd(width)}  ${firstLine}`,
      ...furtherLines.map((line) => indent + line),
      ...(command === null ? [] : escapeLines(command)).map((line) => `${indent}hint: ${line}`),
    ];
  });
}
