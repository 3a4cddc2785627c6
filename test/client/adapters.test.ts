import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import {
  fetchWithIamToken,
  grpcCallCredentials,
  nodejsSdkSession,
  ydbAuthService,
} from '../../src/client/adapters.ts';
import { IamTokenError } from '../../src/client/iam-token-error.ts';
import { type IamTokenCache, tokenCache } from '../../src/client/token-cache.ts';
import { listen, shut } from '../support/loopback.ts';

describe('adapters for other packages', () => {
  let current: string;
  let failure: IamTokenError | null;
  let tokens: IamTokenCache;

  beforeEach(() => {
    current = 't1.a';
    failure = null;
    tokens = tokenCache(
      async () => {
        if (failure !== null) throw failure;
        return { token: current, expiresAt: '2100-01-01T00:00:00.000Z', profile: 'work', subject: null };
      },
      0,
      () => ({ wallMs: 0, monotonicMs: 0 }),
    );
  });

  describe('fetch', () => {
    let server: Server;
    let url: string;
    let accepted: string;
    let requests: string[];

    beforeEach(async () => {
      accepted = 't1.a';
      requests = [];
      server = createServer((request, response) => {
        let body = '';
        request.setEncoding('utf8').on('data', (piece: string) => (body += piece));
        request.on('end', () => {
          const { authorization, 'x-other': other = '' } = request.headers;
          requests.push(`${request.method} ${authorization} ${String(other)} ${body}`.trim());
          response.writeHead(authorization === `Bearer ${accepted}` ? 200 : 401).end('said');
        });
      });
      url = `http://127.0.0.1:${await listen(server)}/`;
    });

    afterEach(() => shut(server));

    it('sends the token with the other headers, and asks the daemon once for many', async () => {
      const fetch = fetchWithIamToken(tokens);
      assert.equal((await fetch(url, { headers: { 'x-other': 'yes' } })).status, 200);
      current = 't1.b';
      assert.equal(await (await fetch(new Request(url, { headers: { 'x-other': 'too' } }))).text(), 'said');
      assert.deepEqual(requests, ['GET Bearer t1.a yes', 'GET Bearer t1.a too']);
    });

    it('sends a refused request once more, body and all, with the new token', async () => {
      const fetch = fetchWithIamToken(tokens);
      await fetch(url);
      current = accepted = 't1.b';
      assert.equal((await fetch(url, { method: 'POST', body: 'hello' })).status, 200);
      assert.deepEqual(requests.slice(1), ['POST Bearer t1.a  hello', 'POST Bearer t1.b  hello']);
    });

    it('hands a refusal on where the daemon has no other token', async () => {
      accepted = 't1.z';
      const answer = await fetchWithIamToken(tokens)(url);
      assert.deepEqual([answer.status, await answer.text()], [401, 'said']);
      assert.equal(requests.length, 1);
    });

    it('sends a stream once', async () => {
      const fetch = fetchWithIamToken(tokens);
      await fetch(url);
      current = accepted = 't1.b';
      const { body } = new Response('hello');
      const stream = { method: 'POST', body, duplex: 'half' } as const;
      assert.equal((await fetch(url, stream)).status, 401);
      assert.equal((await fetch(new Request(url, { method: 'POST', body: 'again' }))).status, 200);
      assert.equal(requests.length, 3);
    });

    it('throws what the daemon said, and the reason of the signal', async () => {
      failure = new IamTokenError('login_required', 'nobody is logged in');
      await assert.rejects(fetchWithIamToken(tokens)(url), { code: 'login_required' });
      const signal = AbortSignal.abort(new Error('enough'));
      await assert.rejects(fetchWithIamToken(tokens)(url, { signal }), { message: 'enough' });
      assert.deepEqual(requests, []);
    });
  });

  describe('call credentials of gRPC', () => {
    type Generator = (
      options: unknown,
      tell: (error: Error | null, metadata?: Map<string, string>) => void,
    ) => void;
    const grpc = {
      Metadata: Map<string, string>,
      credentials: { createFromMetadataGenerator: (made: Generator) => made },
    };

    it('ask for the token at each call, and say why there is none', async () => {
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
      failure = new IamTokenError('locked', 'the daemon is locked');
      assert.equal(await outcome(), failure);
    });
  });

  it('a session of the SDK has another token each time that it awaits it', async () => {
    const { iamToken } = nodejsSdkSession(tokens);
    // As session.js has it: an async function that returns what it was given.
    const tokenCreator = async (): Promise<string> => iamToken;
    assert.equal(await tokenCreator(), 't1.a');
    tokens.drop('t1.a');
    current = 't1.b';
    assert.equal(await tokenCreator(), 't1.b');
    tokens.drop('t1.b');
    failure = new IamTokenError('locked', 'the daemon is locked');
    await assert.rejects(tokenCreator(), failure);
  });

  it('the credentials of YDB are made of its own class, with the token of now', async () => {
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
