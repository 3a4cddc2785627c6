import assert from 'node:assert/strict';
import { Secret } from '../../../src/shared/secret.ts';
import type { HttpResponse } from '../../../src/shared/http-client.ts';
import { createToken } from '../../../src/sources/exchange/iam-api.ts';
import type { ExchangeFailure, ExchangeOutcome } from '../../../src/token/token-source.ts';
import { type ScriptedResponse, createScriptedHttp } from './scripted-http.ts';
import { createSourceTools } from './source-tools.ts';
import { createTestClock } from '../time/test-clock.ts';

export const nowMs = Date.UTC(2026, 10, 24, 12);
export const serverDate = 'Tue, 24 Nov 2026 12:00:00 GMT';
export const futureExpiry = '2026-11-24T20:00:00Z';
export const credential = 'odd-canary-credential-0123456789';
export const installation = { endpoint: 'https://iam.test', audience: 'unused' };
export const neverAborted: AbortSignal = new AbortController().signal;

export async function runExchange(response: ScriptedResponse): Promise<ExchangeOutcome<Secret>> {
  const tools = createSourceTools({ http: createScriptedHttp(response), clock: createTestClock(nowMs) });
  return createToken(
    { field: 'yandexPassportOauthToken', secret: new Secret(credential) },
    installation,
    neverAborted,
    tools,
  );
}

export async function captureFailure(response: ScriptedResponse): Promise<ExchangeFailure> {
  const outcome = await runExchange(response);
  return outcome.ok ? assert.fail('a token was returned') : outcome.failure;
}

export function createResponse(
  body: unknown,
  status = 200,
  headers: Readonly<Record<string, string>> = {},
): HttpResponse {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return { status, headers: new Map(Object.entries(headers)), body: text };
}

export function createStatusResponse(
  code: number,
  message: string,
  status = 400,
  details: unknown = [],
): HttpResponse {
  return createResponse({ code, message, details }, status);
}

export function createTokenResponse(
  expiresAt: unknown,
  iamToken: unknown = 't1.payload.signature',
): HttpResponse {
  return createResponse({ iamToken, expiresAt });
}
