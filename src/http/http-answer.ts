import type { ErrorCode, Problem } from '../shared/errors.ts';

export interface HttpAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

const statuses: Readonly<Record<ErrorCode, number>> = {
  bad_request: 400,
  unknown_method: 404,
  unsupported_version: 400,
  unknown_profile: 404,
  login_required: 403,
  unavailable: 503,
  keychain_locked: 503,
  keychain_unavailable: 503,
  locked: 503,
  too_busy: 503,
  internal: 500,
};

export function json(value: object, status = 200): HttpAnswer {
  return { status, headers: { 'content-type': 'application/json' }, body: `${JSON.stringify(value)}\n` };
}

/** A bare value, as the vendor's metadata service has it. */
export function plain(value: string): HttpAnswer {
  return { status: 200, headers: { 'content-type': 'text/plain; charset=utf-8' }, body: value };
}

/** @param status what goes with the code unless given */
export function failure(problem: Problem, status = statuses[problem.code]): HttpAnswer {
  const answer = json({ error: problem }, status);
  if (problem.retryAfterMs === undefined) return answer;
  const seconds = Math.ceil(problem.retryAfterMs / 1_000);
  return { ...answer, headers: { ...answer.headers, 'retry-after': String(seconds) } };
}
