import assert from 'node:assert/strict';
import {
  IamTokenError,
  type Problem,
  problemOf,
  renderProblem,
  type WireProblem,
} from '../../src/shared/errors.ts';

/** The error that `operation` must reject with. */
export async function captureError(operation: Promise<unknown>): Promise<IamTokenError> {
  const error = await operation.then(
    () => assert.fail('the operation succeeded'),
    (error: unknown) => error,
  );
  assert.ok(error instanceof IamTokenError, String(error));
  return error;
}

/** The problem that `operation` must reject with. */
export async function captureProblem(operation: Promise<unknown>): Promise<WireProblem> {
  return renderProblem(problemOf(await captureError(operation)));
}

/** The problem that `operation` must reject with, as `code: message`. */
export async function captureProblemText(operation: Promise<unknown>): Promise<string> {
  return formatProblem(await captureProblem(operation));
}

export function formatProblem({ code, message }: Problem): string {
  return `${code}: ${message}`;
}
