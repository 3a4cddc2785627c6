import assert from 'node:assert/strict';
import type { RequestHandler } from '../../../src/http/dispatch.ts';
import { parseRequest } from '../../../src/protocol/parse-request.ts';
import { renderProblem } from '../../../src/shared/errors.ts';

export const tokenPath = '/computeMetadata/v1/instance/service-accounts/default/token';
export const startMs = Date.UTC(2026, 10, 24, 12);
/** 1,234.5 s later. */
export const expiresAt = '2026-11-24T12:20:34.500Z';

const first = { profile: 'a', isDefault: false, kind: 'oauth', folderId: 'b1gwrong' };
const second = { profile: 'b', isDefault: true, kind: 'oauth', folderId: 'b1gfolder' };

/** Validates requests as the daemon does, and responds as scripted. */
export class ScriptedHandler {
  /** The valid requests, in order. */
  readonly requests: object[] = [];
  tokenResponse: object = { result: { token: 't1.abc', expiresAt, profile: 'b', subject: null } };

  readonly handle: RequestHandler = (data, peer) => {
    const parsed = parseRequest(data);
    assert.ok(parsed.kind !== 'not_a_message');
    if (parsed.kind === 'invalid') {
      return peer.send({ v: 1, id: parsed.id, error: renderProblem(parsed.problem) });
    }
    const { id, method, params } = parsed.request;
    this.requests.push({ method, ...params });
    if (method === 'token') {
      return peer.send({ v: 1, id, ...this.tokenResponse } as Parameters<typeof peer.send>[0]);
    }
    const after = 'after' in params ? params.after : undefined;
    const page = after === undefined ? { profiles: [first], next: 'a' } : { profiles: [second], next: null };
    peer.send({ v: 1, id, result: { daemon: { version: '1' }, ...page } });
  };
}

export function formatGet(path: string, headers: readonly string[]): string {
  return `GET ${path} HTTP/1.1\r\n${headers.map((header) => `${header}\r\n`).join('')}\r\n`;
}
