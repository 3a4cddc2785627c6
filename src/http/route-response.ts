import { type ErrorCode, type Problem, renderProblem } from '../shared/errors.ts';

export interface RouteResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

const statusByErrorCode: Readonly<Record<ErrorCode, number>> = {
  bad_request: 400,
  forbidden: 403,
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

export function jsonResponse(value: object, status = 200): RouteResponse {
  return { status, headers: { 'content-type': 'application/json' }, body: `${JSON.stringify(value)}\n` };
}

/** A plain value, as in the vendor's metadata service. */
export function textResponse(value: string): RouteResponse {
  return { status: 200, headers: { 'content-type': 'text/plain; charset=utf-8' }, body: value };
}

/** Prometheus' text format. */
export function metricsResponse(text: string): RouteResponse {
  const contentType = 'text/plain; version=0.0.4; charset=utf-8';
  return { status: 200, headers: { 'content-type': contentType }, body: text };
}

/** @param status default: derived from the problem's code */
export function problemResponse(problem: Problem, status = statusByErrorCode[problem.code]): RouteResponse {
  const response = jsonResponse({ error: renderProblem(problem) }, status);
  if (problem.retryAfterMs === undefined) return response;
  const seconds = Math.ceil(problem.retryAfterMs / 1_000);
  return { ...response, headers: { ...response.headers, 'retry-after': String(seconds) } };
}
