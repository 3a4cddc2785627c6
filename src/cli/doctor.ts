import { IamTokenError, type IamTokenErrorCode } from '../client/iam-token-error.ts';
import { ConfigError } from '../config/read-config.ts';
import { messageOf } from '../shared/thrown.ts';
import type { Call } from './command.ts';
import { writeBundle } from './doctor/bundle.ts';
import { type Check, checks } from './doctor/checks.ts';
import { type Examination, examinationFor, failed, skipped, type Verdict } from './doctor/examination.ts';
import { exitCodeAfter, exitCodeOf } from './exit-codes.ts';
import { note, type Paint, paintFor, print, waiting } from './terminal.ts';
import { jsonLine, visible } from './visible.ts';

type Finding = Verdict & { readonly check: string };

/** A bundle of its own, as `run-command-line.ts` is: only the exit code leaves it. */
export function doctor(call: Call): Promise<number> {
  return exitCodeAfter(examine(call));
}

async function examine(call: Call): Promise<number> {
  const { options, surroundings } = call;
  const examination = examinationFor(call);
  const findings = await waiting('all checks', findingsOf(examination));
  if (options.has('json')) {
    print(jsonLine({ checks: findings }));
  } else {
    print(lines(findings, paintFor(surroundings.env)).join('\n'));
  }
  const bundle = options.get('bundle');
  if (bundle !== undefined) {
    await writeBundle(bundle, examination, findings);
    note(`wrote ${bundle}`);
  }
  const first = findings.find(({ mark }) => mark === 'failed');
  return first?.code ? exitCodeOf(first.code) : 0;
}

async function findingsOf(examination: Examination): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  const down = new Set<string>();
  for (const check of checks) {
    const { name, needs } = check;
    const isMissing = needs !== null && down.has(needs);
    const verdicts = isMissing ? [skipped(`${needs} comes first`)] : await verdictsOf(check, examination);
    if (isMissing || verdicts.some(({ mark }) => mark === 'failed')) down.add(name);
    findings.push(...verdicts.map((verdict) => ({ check: name, ...verdict })));
  }
  examination.connection?.close();
  return findings;
}

async function verdictsOf({ look }: Check, examination: Examination): Promise<readonly Verdict[]> {
  try {
    return [await look(examination)].flat();
  } catch (error) {
    const message = messageOf(error);
    return [failed(codeOf(error), message, error instanceof IamTokenError ? error.hint : null)];
  }
}

function codeOf(error: unknown): IamTokenErrorCode {
  if (error instanceof IamTokenError) return error.code;
  return error instanceof ConfigError ? 'bad_request' : 'internal';
}

const styles = { ok: 'good', warning: 'doubtful', failed: 'bad', skipped: 'doubtful' } as const;

function lines(findings: readonly Finding[], paint: Paint): readonly string[] {
  const width = Math.max(...findings.map(({ check }) => visible(check).length));
  return findings.flatMap(({ check, mark, reason, command }) => [
    `${paint(styles[mark], mark.padEnd(7))}  ${visible(check).padEnd(width)}  ${visible(reason)}`,
    ...(command === null ? [] : [`${' '.repeat(width + 11)}${visible(command)}`]),
  ]);
}
