import assert from 'node:assert/strict';
import { Secret } from '../../src/shared/secret.ts';
import type { HttpResponse } from '../../src/shared/http-client.ts';
import { createToken } from '../../src/sources/iam-api.ts';
import type { ExchangeFailure, ExchangeOutcome } from '../../src/token/ports.ts';
import { type Scripted, scriptedHttp } from './scripted-http.ts';
import { sourceTools } from './source-tools.ts';
import { testClock } from './test-clock.ts';

export const nowMs = Date.UTC(2026, 10, 24, 12);
export const date = 'Tue, 24 Nov 2026 12:00:00 GMT';
export const later = '2026-11-24T20:00:00Z';
export const credential = 'odd-canary-credential-0123456789';
export const installation = { endpoint: 'https://iam.test', audience: 'unused' };
export const never: AbortSignal = new AbortController().signal;

export async function exchange(scripted: Scripted): Promise<ExchangeOutcome> {
  const tools = sourceTools({ http: scriptedHttp(scripted), clock: testClock(nowMs) });
  return createToken(
    { field: 'yandexPassportOauthToken', secret: new Secret(credential) },
    installation,
    never,
    tools,
  );
}

export async function failureOf(scripted: Scripted): Promise<ExchangeFailure> {
  const outcome = await exchange(scripted);
  return outcome.ok ? assert.fail('a token came') : outcome.failure;
}

export function answer(
  body: unknown,
  status = 200,
  headers: Readonly<Record<string, string>> = {},
): HttpResponse {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return { status, headers: new Map(Object.entries(headers)), body: text };
}

export function rpcStatus(code: number, message: string, status = 400, details: unknown = []): HttpResponse {
  return answer({ code, message, details }, status);
}

export function token(expiresAt: unknown, iamToken: unknown = 't1.payload.signature'): HttpResponse {
  return answer({ iamToken, expiresAt });
}
