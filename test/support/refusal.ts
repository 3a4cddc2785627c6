import assert from 'node:assert/strict';
import { type Problem, ProblemError } from '../../src/shared/errors.ts';

/** The problem with which `work` must fail. */
export async function problemOfRefusal(work: Promise<unknown>): Promise<Problem> {
  const error = await work.then(
    () => assert.fail('it was not refused'),
    (error: unknown) => error,
  );
  assert.ok(error instanceof ProblemError, String(error));
  return error.problem;
}

/** The same as `code: message`. */
export async function refusal(work: Promise<unknown>): Promise<string> {
  return sentence(await problemOfRefusal(work));
}

export function sentence({ code, message }: Problem): string {
  return `${code}: ${message}`;
}
