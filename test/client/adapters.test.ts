import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import { Readable } from 'node:stream';
import {
  fetchWithIamToken,
  grpcCallCredentials,
  nodejsSdkSession,
  ydbAuthService,
} from '../../src/client/adapters.ts';
import { IamTokenError } from '../../src/shared/errors.ts';
import type { IamTokenCache } from '../../src/client/api-types.ts';
import { createTokenCache } from '../../src/client/token-cache.ts';
import { listenOnLoopback, closeServer } from '../support/network/loopback.ts';

describe('adapters for other packages', () => {
  let current: string;
  let failure: IamTokenError | null;
  let tokens: IamTokenCache;

  beforeEach(() => {
    current = 't1.a';
    failure = null;
    tokens = createTokenCache(
      async () => {
        if (failure !== null) throw failure;
        return { token: current, expiresAt: '2100-01-01T00:00:00.000Z', profile: 'work', subject: null };
      },
      0,
      () => ({ wallMs: 0, monotonicMs: 0 }),
    );
  });

  describe('fetchWithIamToken', () => {
    let server: Server;
    let url: string;
    let accepted: string;
    let requests: string[];

    beforeEach(async () => {
      accepted = 't1.a';
      requests = [];
      server = createServer((request, response) => {
        let body = '';
        request.setEncoding('utf8').on('data', (chunk: string) => (body += chunk));
        request.on('end', () => {
          const { authorization, 'x-other': other = '' } = request.headers;
          requests.push(`${request.method} ${authorization} ${String(other)} ${body}`.trim());
          response.writeHead(authorization === `Bearer ${accepted}` ? 200 : 401).end('said');
        });
      });
      url = `http://127.0.0.1:${await listenOnLoopback(server)}/`;
    });

    afterEach(() => closeServer(server));

    it('sends the token with the other headers and requests it once for several fetches', async () => {
      const fetch = fetchWithIamToken(tokens);
      assert.equal((await fetch(url, { headers: { 'x-other': 'yes' } })).status, 200);
      current = 't1.b';
      assert.equal(await (await fetch(new Request(url, { headers: { 'x-other': 'too' } }))).text(), 'said');
      assert.deepEqual(requests, ['GET Bearer t1.a yes', 'GET Bearer t1.a too']);
    });

    it('repeats a request that got a 401, with its body and the new token', async () => {
      const fetch = fetchWithIamToken(tokens);
      await fetch(url);
      current = accepted = 't1.b';
      assert.equal((await fetch(url, { method: 'POST', body: 'hello' })).status, 200);
      assert.deepEqual(requests.slice(1), ['POST Bearer t1.a  hello', 'POST Bearer t1.b  hello']);
    });

    it('returns the 401 if the daemon has no new token', async () => {
      accepted = 't1.z';
      const response = await fetchWithIamToken(tokens)(url);
      assert.deepEqual([response.status, await response.text()], [401, 'said']);
      assert.equal(requests.length, 1);
    });

    it('does not repeat a request with a stream', async () => {
      const fetch = fetchWithIamToken(tokens);
      await fetch(url);
      current = accepted = 't1.b';
      const { body } = new Response('hello');
      const stream = { method: 'POST', body, duplex: 'half' } as const;
      assert.equal((await fetch(url, stream)).status, 401);
      assert.equal((await fetch(new Request(url, { method: 'POST', body: 'again' }))).status, 200);
      assert.equal(requests.length, 3);
    });

    it('does not repeat a request with a stream of Node or another asynchronous iterable', async () => {
      const fetch = fetchWithIamToken(tokens);
      await fetch(url);
      current = accepted = 't1.b';
      async function* generateBody(): AsyncGenerator<Uint8Array> {
        yield Buffer.from('hello');
      }
      for (const createBody of [() => Readable.from([Buffer.from('hello')]), generateBody]) {
        tokens.drop('t1.b');
        current = 't1.a';
        await tokens.get();
        current = 't1.b';
        const init = { method: 'PUT', body: createBody(), duplex: 'half' } as unknown as RequestInit;
        assert.equal((await fetch(url, init)).status, 401);
      }
      assert.deepEqual(requests.slice(1), ['PUT Bearer t1.a  hello', 'PUT Bearer t1.a  hello']);
    });

    it('throws the error of the daemon and the reason of the signal', async () => {
      failure = new IamTokenError({ code: 'login_required', message: 'not logged in' });
      await assert.rejects(fetchWithIamToken(tokens)(url), { code: 'login_required' });
      const signal = AbortSignal.abort(new Error('enough'));
      await assert.rejects(fetchWithIamToken(tokens)(url, { signal }), { message: 'enough' });
      assert.deepEqual(requests, []);
    });
  });

  describe('grpcCallCredentials', () => {
    type Generator = (
      options: unknown,
      tell: (error: Error | null, metadata?: Map<string, string>) => void,
    ) => void;
    const grpc = {
      Metadata: Map<string, string>,
      credentials: { createFromMetadataGenerator: (generator: Generator) => generator },
    };

    it('requests the token for each call and fails with the error of the daemon', async () => {
      const generate = grpcCallCredentials(grpc, tokens);
      const outcome = (): Promise<unknown> =>
        new Promise((resolve) => {
          generate({}, (error, metadata) => resolve(error ?? metadata?.get('authorization')));
        });
      assert.equal(await outcome(), 'Bearer t1.a');
      tokens.drop('t1.a');
      current = 't1.b';
      assert.equal(await outcome(), 'Bearer t1.b');
      tokens.drop('t1.b');
      failure = new IamTokenError({ code: 'locked', message: 'the daemon is locked' });
      assert.equal(await outcome(), failure);
    });
  });

  it('nodejsSdkSession requests the token each time that the session awaits it', async () => {
    const { iamToken } = nodejsSdkSession(tokens);
    // Like session.js: an async function that returns its option.
    const tokenCreator = async (): Promise<string> => iamToken;
    assert.equal(await tokenCreator(), 't1.a');
    tokens.drop('t1.a');
    current = 't1.b';
    assert.equal(await tokenCreator(), 't1.b');
    tokens.drop('t1.b');
    failure = new IamTokenError({ code: 'locked', message: 'the daemon is locked' });
    await assert.rejects(tokenCreator(), failure);
  });

  it('ydbAuthService creates an instance of the given class with the current token', async () => {
    class TokenAuthService {
      readonly token: string;
      constructor(token: string) {
        this.token = token;
      }
      getAuthMetadata(): Promise<string> {
        return Promise.resolve(`ticket ${this.token}`);
      }
    }
    const service = ydbAuthService(TokenAuthService, tokens);
    assert.equal(await service.getAuthMetadata(), 'ticket t1.a');
    tokens.drop('t1.a');
    current = 't1.b';
    assert.equal(await service.getAuthMetadata(), 'ticket t1.b');
  });
});
