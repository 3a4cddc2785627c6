import assert from 'node:assert/strict';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type HttpClientOptions, createUndiciHttpClient } from '../../../src/adapters/undici-http-client.ts';
import { type HttpClient, HttpFailure, type HttpResponse } from '../../../src/shared/http-client.ts';
import { createRealClock } from '../time/real-clock.ts';
import { closeServer, listenOnLoopback } from './loopback.ts';

export const directOptions: HttpClientOptions = { proxy: null, noProxy: [], certificates: [] };
export const neverAborted: AbortSignal = new AbortController().signal;

/** Without a proxy and further certificates. */
export function createDirectHttpClient(): HttpClient {
  return createUndiciHttpClient(directOptions, createRealClock());
}

export function get(
  url: string,
  signal: AbortSignal = neverAborted,
  options = directOptions,
): Promise<HttpResponse> {
  return createUndiciHttpClient(options, createRealClock()).send({ method: 'GET', url, headers: {} }, signal);
}

export async function expectFailure(pending: Promise<HttpResponse>): Promise<HttpFailure> {
  try {
    const response = await pending;
    return assert.fail(`a response arrived: ${response.status}`);
  } catch (thrown) {
    assert.ok(thrown instanceof HttpFailure, String(thrown));
    return thrown;
  }
}

export interface HttpServers {
  /** @returns its port on 127.0.0.1 */
  listen(server: Server): Promise<number>;
  /** @returns its URL, without a path */
  serve(handle: (request: IncomingMessage, response: ServerResponse) => void): Promise<string>;
}

/** HTTP servers that are closed after the test that started them. */
export function useHttpServers(): HttpServers {
  const openServers: Server[] = [];
  afterEach(() => Promise.all(openServers.splice(0).map(closeServer)));

  function listen(server: Server): Promise<number> {
    openServers.push(server);
    return listenOnLoopback(server);
  }

  return {
    listen,
    serve: async (handle) => `http://127.0.0.1:${await listen(createServer(handle))}`,
  };
}
