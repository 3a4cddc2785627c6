import type { IamTokenErrorCode } from '../../shared/errors.ts';
import type { Hint } from '../../shared/hint.ts';
import type { DoctorContext } from './doctor-context.ts';

export interface CheckResult {
  /** The name of the check, where it has several results. */
  readonly check?: string;
  readonly mark: 'ok' | 'warning' | 'failed' | 'skipped';
  readonly reason: string;
  /** How to fix it, if possible a command. */
  readonly command: Hint | null;
  /** The exit code of a failure follows from it. */
  readonly code: IamTokenErrorCode | null;
}

/** A result as it is printed. */
export interface Finding extends Omit<CheckResult, 'command'> {
  readonly check: string;
  readonly command: string | null;
}

export interface Check {
  readonly name: string;
  /** The check is skipped if that one has not passed. */
  readonly dependsOn: string | null;
  /** For failures that have no hint of their own. */
  readonly defaultHint?: (context: DoctorContext) => Hint;
  /** May throw instead of returning a failure. */
  readonly run: (
    context: DoctorContext,
  ) => CheckResult | readonly CheckResult[] | Promise<CheckResult | readonly CheckResult[]>;
}

const createResult =
  (mark: CheckResult['mark']) =>
  (reason: string, command: Hint | null = null): CheckResult => ({ mark, reason, command, code: null });
export const pass = createResult('ok');
export const skip = createResult('skipped');
export const warn = createResult('warning');
export const fail = (code: IamTokenErrorCode, reason: string, command?: Hint | null): CheckResult => ({
  ...createResult('failed')(reason, command),
  code,
});
