import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { RetryingHttpServer } from '../../src/http/retry-listening.ts';
import { createMetadataServer, type MetadataServerParts } from '../../src/http/servers.ts';
import type { Problem } from '../../src/shared/errors.ts';
import { type FakeLog, createFakeLog } from '../support/fake-log.ts';
import { listenOnLoopback } from '../support/network/loopback.ts';
import { type RawResponse, sendRawRequest } from '../support/network/raw-http.ts';
import {
  expiresAt,
  formatGet,
  ScriptedHandler,
  startMs,
  tokenPath,
} from '../support/network/scripted-handler.ts';
import { createTestClock } from '../support/time/test-clock.ts';
import { waitUntil } from '../support/wait-until.ts';

describe('metadata server', () => {
  let handler: ScriptedHandler;
  let server: RetryingHttpServer;
  let address: string;
  let log: FakeLog;

  async function start(parts: Partial<MetadataServerParts> = {}): Promise<void> {
    handler = new ScriptedHandler();
    log = createFakeLog();
    server = await createMetadataServer({
      handleRequest: handler.handle,
      clock: createTestClock(startMs),
      log,
      listenOn: { host: '127.0.0.1', port: 0 },
      allowedUser: null,
      ...parts,
    });
    await server.listen();
    address = server.address() ?? '';
  }
  afterEach(() => server.close());

  function send(request: string): Promise<RawResponse> {
    const port = Number(address.replace(/.*:/, ''));
    return sendRawRequest({ port, host: address.includes('[') ? '::1' : '127.0.0.1' }, request);
  }
  /** Sends the request of an SDK, by default with its headers. */
  function sendGet(
    path = tokenPath,
    headers = [`Host: ${address}`, 'Metadata-Flavor: Google'],
  ): Promise<RawResponse> {
    return send(formatGet(path, headers));
  }

  it('returns the token of the default profile as a VM does, with a lifetime that is a minute shorter', async () => {
    await start();
    const { status, headers, body } = await sendGet();
    assert.equal(status, 200);
    assert.match(headers, /^metadata-flavor: Google\r$/m);
    assert.match(headers, /^content-type: application\/json\r$/m);
    assert.deepEqual(JSON.parse(body), { access_token: 't1.abc', expires_in: 1_174, token_type: 'Bearer' });
    assert.deepEqual(handler.requests, [{ method: 'token' }]);
  });

  it('computes the lifetime of the token by the clock of IAM', async () => {
    await start();
    handler.tokenResponse = {
      result: { token: 't1.abc', expiresAt, profile: 'b', subject: null, clockOffsetMs: 600_000 },
    };
    assert.deepEqual(JSON.parse((await sendGet()).body), {
      access_token: 't1.abc',
      expires_in: 574,
      token_type: 'Bearer',
    });
  });

  it('returns the folder of the default profile, and 404 for its unknown cloud', async () => {
    await start();
    for (const path of [
      '/computeMetadata/v1/yandex/folder-id',
      '/computeMetadata/v1/instance/vendor/folder-id',
    ]) {
      const { status, headers, body } = await sendGet(path);
      assert.deepEqual([status, body], [200, 'b1gfolder']);
      assert.match(headers, /^content-type: text\/plain/m);
    }
    assert.equal((await sendGet('/computeMetadata/v1/instance/vendor/cloud-id')).status, 404);
  });

  it('ignores the query parameters that client libraries add', async () => {
    await start();
    assert.equal((await sendGet(`${tokenPath}?alt=json&recursive=true`)).status, 200);
  });

  it('accepts localhost as its Host, and listens on IPv6', async () => {
    await start({ listenOn: { host: '::1', port: 0 } });
    assert.match(address, /^\[::1\]:\d+$/);
    for (const host of [address, address.replace('[::1]', 'LOCALHOST')]) {
      assert.equal(
        (await sendGet(tokenPath, [`Host: ${host}`, 'metadata-flavor: google'])).status,
        200,
        host,
      );
    }
  });

  const badHeaders: readonly (readonly [what: string, headers: (address: string) => readonly string[]])[] = [
    ['a request without Metadata-Flavor: Google', (host) => [`Host: ${host}`]],
    ['another Metadata-Flavor', (host) => [`Host: ${host}`, 'Metadata-Flavor: Yandex']],
    [
      'a repeated Metadata-Flavor',
      (host) => [`Host: ${host}`, 'Metadata-Flavor: Google', 'Metadata-Flavor: Google'],
    ],
    ['a foreign Host', () => ['Host: rebound.example', 'Metadata-Flavor: Google']],
    [
      'a foreign Host with the right port',
      (host) => [host.replace('127.0.0.1', 'Host: rebound.example'), 'Metadata-Flavor: Google'],
    ],
    [
      'a foreign Host that begins with the right one',
      (host) => [`Host: ${host}.example`, 'Metadata-Flavor: Google'],
    ],
    ['the right Host without its port', () => ['Host: 127.0.0.1', 'Metadata-Flavor: Google']],
    ['the address of a VM as Host', () => ['Host: 169.254.169.254', 'Metadata-Flavor: Google']],
    ['a repeated Host', (host) => [`Host: ${host}`, 'Host: rebound.example', 'Metadata-Flavor: Google']],
    ['an empty Host', () => ['Host:', 'Metadata-Flavor: Google']],
    ...[
      'Origin: http://page.example',
      'Origin: null',
      'Referer: http://page.example/',
      'Sec-Fetch-Site: cross-site',
      'Sec-Fetch-Dest: image',
      'X-Forwarded-For: 10.0.0.1',
      'Forwarded: for=10.0.0.1',
      'Via: 1.1 proxy',
    ].map(
      (header) => [header, (host: string) => [`Host: ${host}`, 'Metadata-Flavor: Google', header]] as const,
    ),
  ];
  for (const [what, headers] of badHeaders) {
    it(`rejects ${what}`, async () => {
      await start();
      const { status, body, headers: rawHeaders } = await sendGet(tokenPath, [...headers(address)]);
      assert.equal(status, 403, body);
      assert.doesNotMatch(body, /t1\./);
      assert.doesNotMatch(rawHeaders, /access-control|location/i);
      assert.deepEqual(handler.requests, []);
    });
  }

  it('rejects an HTTP/1.0 request without Host', async () => {
    await start();
    const { status } = await send(`GET ${tokenPath} HTTP/1.0\r\nMetadata-Flavor: Google\r\n\r\n`);
    assert.equal(status, 403);
  });

  for (const path of [
    '/',
    '/computeMetadata/v1/',
    '/computeMetadata/v1/instance/?recursive=true',
    `${tokenPath}/`,
    `/${tokenPath}`,
    tokenPath.toUpperCase(),
    tokenPath.replace('/v1/', '/v1//'),
    tokenPath.replace('/v1/', '/v1/../v1/'),
    tokenPath.replace('/v1/', '/v1/./'),
    tokenPath.replace('token', '%74oken'),
    tokenPath.replaceAll('/', '\\'),
    tokenPath.replaceAll('/', '%2f'),
    `${tokenPath};a`,
    `${tokenPath}#a`,
    `http://127.0.0.1:8099${tokenPath}`,
    'toString',
    '__proto__',
    '*',
    '/v1/token',
    '/v1/status',
    '/latest/meta-data/iam/security-credentials/default/',
  ]) {
    it(`serves nothing at ${path}`, async () => {
      await start();
      const { status } = await sendGet(path);
      assert.ok(status === 404 || status === 400, String(status));
      assert.deepEqual(handler.requests, []);
    });
  }

  const failures: readonly (readonly [Problem['code'], number])[] = [
    ['forbidden', 403],
    ['login_required', 403],
    ['unknown_profile', 404],
    ['unavailable', 503],
    ['locked', 503],
    ['keychain_locked', 503],
    ['too_busy', 503],
    ['internal', 500],
  ];
  for (const [code, expected] of failures) {
    it(`answers ${code} with status ${expected}`, async () => {
      await start();
      handler.tokenResponse = { error: { code, message: 'the message' } };
      const { status, body } = await sendGet();
      assert.deepEqual([status, JSON.parse(body)], [expected, { error: { code, message: 'the message' } }]);
    });
  }

  it('serves its own user only, and logs each rejected user once', async () => {
    let peer: number | null = 1_000;
    await start({ allowedUser: { uid: 1_000, findUid: async () => peer } });
    assert.equal((await sendGet()).status, 200);
    for (const other of [65_534, 65_534, 0, null]) {
      peer = other;
      const { status, body } = await sendGet();
      assert.equal(status, 403, body);
      assert.match(body, /"code":"forbidden"/);
      assert.doesNotMatch(body, /t1\./);
    }
    assert.equal(handler.requests.length, 1);
    assert.deepEqual(
      log.lines.filter((line) => line.includes('rejected')).map((line) => line.replace(/^\w+ /, '')),
      [
        'metadata address: rejected a program of uid 65534',
        'metadata address: rejected a program of uid 0',
        'metadata address: rejected a program of an unknown user',
      ],
    );
  });

  it('answers 500 if the users of peers cannot be read', async () => {
    await start({
      allowedUser: {
        uid: 0,
        findUid: async () => {
          throw new Error('/proc is not there');
        },
      },
    });
    assert.equal((await sendGet()).status, 500);
    assert.deepEqual(handler.requests, []);
    assert.match(log.lines.join('\n'), /^error an HTTP request failed: \/proc is not there$/m);
  });

  it('E11: is off while its port is in use, says why, and is tried again every 30 s', async () => {
    const clock = createTestClock(startMs);
    const other = createServer();
    const port = await listenOnLoopback(other);
    await start({ clock, listenOn: { host: '127.0.0.1', port } });
    assert.equal(server.address(), null);
    const reason = `cannot listen on 127.0.0.1:${port}: the address is in use; retrying every 30 s`;
    assert.equal(server.problem()?.message, `metadata.listen: ${reason}`);

    clock.advance(30_000);
    other.close();
    await once(other, 'close');
    await waitUntil(() => {
      clock.advance(30_000);
      return server.address() !== null;
    }, 'it listens');
    assert.equal(
      (
        await sendRawRequest(
          { port, host: '127.0.0.1' },
          formatGet(tokenPath, [`Host: 127.0.0.1:${port}`, 'Metadata-Flavor: Google']),
        )
      ).status,
      200,
    );
    assert.equal(server.problem(), null);
    assert.deepEqual(log.lines, [`error metadata.listen: ${reason}`, 'info metadata.listen: listening']);
  });

  it('E11: stays closed if the daemon stops between two attempts', async () => {
    const clock = createTestClock(startMs);
    const other = createServer();
    const port = await listenOnLoopback(other);
    await start({ clock, listenOn: { host: '127.0.0.1', port } });
    other.close();
    await once(other, 'close');
    await server.close();
    clock.advance(60_000);
    assert.equal(server.address(), null);
  });
});
