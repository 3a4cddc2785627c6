import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { httpSocket, metadataDoor, type MetadataParts } from '../../src/http/doors.ts';
import type { Handle } from '../../src/http/ask.ts';
import type { HttpServer } from '../../src/http/http-server.ts';
import { checkRequest } from '../../src/protocol/requests.ts';
import type { Problem } from '../../src/shared/errors.ts';
import { type FakeLog, fakeLog } from '../support/fake-log.ts';
import { listen } from '../support/loopback.ts';
import { type RawAnswer, sendRaw } from '../support/raw-http.ts';
import { testClock } from '../support/test-clock.ts';

const tokenPath = '/computeMetadata/v1/instance/service-accounts/default/token';
const startMs = Date.UTC(2026, 10, 24, 12);
/** 1,234.5 s later. */
const expiresAt = '2026-11-24T12:20:34.500Z';

let tokenAnswer: object;
let asked: object[];

/** Checks a request as the daemon does, and answers what it is told to. */
const handle: Handle = (data, peer) => {
  const checked = checkRequest(data);
  if (!checked.ok) {
    assert.ok(checked.id !== 'no_message');
    return peer.send({ v: 1, id: checked.id, error: checked.problem });
  }
  const { id, method, params } = checked.request;
  asked.push({ method, ...params });
  if (method === 'token') return peer.send({ v: 1, id, ...tokenAnswer } as Parameters<typeof peer.send>[0]);
  const after = 'after' in params ? params.after : undefined;
  const first = { profile: 'a', isDefault: false, kind: 'oauth', folderId: 'b1gwrong' };
  const second = { profile: 'b', isDefault: true, kind: 'oauth', folderId: 'b1gfolder' };
  const page = after === undefined ? { profiles: [first], next: 'a' } : { profiles: [second], next: null };
  peer.send({ v: 1, id, result: { daemon: { version: '1' }, ...page } });
};

function get(path: string, headers: readonly string[]): string {
  return `GET ${path} HTTP/1.1\r\n${headers.map((header) => `${header}\r\n`).join('')}\r\n`;
}

beforeEach(() => {
  asked = [];
  tokenAnswer = { result: { token: 't1.abc', expiresAt, profile: 'b', subject: null } };
});

describe('the metadata address', () => {
  let server: HttpServer;
  let address: string;
  let log: FakeLog;

  async function start(parts: Partial<MetadataParts> = {}): Promise<void> {
    log = fakeLog();
    server = await metadataDoor({
      handle,
      clock: testClock(startMs),
      log,
      listenOn: { host: '127.0.0.1', port: 0 },
      onlyFor: null,
      ...parts,
    });
    await server.listen();
    address = server.address() ?? '';
  }
  afterEach(() => server.close());

  function send(request: string): Promise<RawAnswer> {
    const port = Number(address.replace(/.*:/, ''));
    return sendRaw({ port, host: address.includes('[') ? '::1' : '127.0.0.1' }, request);
  }
  /** What an SDK sends, with other headers in the place of its own where they are named. */
  function ask(
    path = tokenPath,
    headers = [`Host: ${address}`, 'Metadata-Flavor: Google'],
  ): Promise<RawAnswer> {
    return send(get(path, headers));
  }

  it('gives the token of the default profile as a VM does, with a minute less of its life', async () => {
    await start();
    const { status, headers, body } = await ask();
    assert.equal(status, 200);
    assert.match(headers, /^metadata-flavor: Google\r$/m);
    assert.match(headers, /^content-type: application\/json\r$/m);
    assert.deepEqual(JSON.parse(body), { access_token: 't1.abc', expires_in: 1_174, token_type: 'Bearer' });
    assert.deepEqual(asked, [{ method: 'token' }]);
  });

  it('says how long the token lives by the clock of IAM, where ours is wrong', async () => {
    await start();
    tokenAnswer = {
      result: { token: 't1.abc', expiresAt, profile: 'b', subject: null, clockOffsetMs: 600_000 },
    };
    assert.deepEqual(JSON.parse((await ask()).body), {
      access_token: 't1.abc',
      expires_in: 574,
      token_type: 'Bearer',
    });
  });

  it('gives folder and cloud of the default profile, wherever it stands in the list', async () => {
    await start();
    for (const path of [
      '/computeMetadata/v1/yandex/folder-id',
      '/computeMetadata/v1/instance/vendor/folder-id',
    ]) {
      const { status, headers, body } = await ask(path);
      assert.deepEqual([status, body], [200, 'b1gfolder']);
      assert.match(headers, /^content-type: text\/plain/m);
    }
    assert.equal((await ask('/computeMetadata/v1/instance/vendor/cloud-id')).status, 404);
  });

  it('passes over the parameters that libraries of others add', async () => {
    await start();
    assert.equal((await ask(`${tokenPath}?alt=json&recursive=true`)).status, 200);
  });

  it('knows its other names, and has one for IPv6', async () => {
    await start({ listenOn: { host: '::1', port: 0 } });
    assert.match(address, /^\[::1\]:\d+$/);
    for (const host of [address, address.replace('[::1]', 'LOCALHOST')]) {
      assert.equal((await ask(tokenPath, [`Host: ${host}`, 'metadata-flavor: google'])).status, 200, host);
    }
  });

  const badHeaders: readonly (readonly [what: string, headers: (address: string) => readonly string[]])[] = [
    ['no Metadata-Flavor', (host) => [`Host: ${host}`]],
    ['another Metadata-Flavor', (host) => [`Host: ${host}`, 'Metadata-Flavor: Yandex']],
    ['two of them', (host) => [`Host: ${host}`, 'Metadata-Flavor: Google', 'Metadata-Flavor: Google']],
    ['a foreign Host', () => ['Host: rebound.example', 'Metadata-Flavor: Google']],
    [
      'a foreign Host with our port',
      (host) => [host.replace('127.0.0.1', 'Host: rebound.example'), 'Metadata-Flavor: Google'],
    ],
    ['a foreign Host that begins as ours', (host) => [`Host: ${host}.example`, 'Metadata-Flavor: Google']],
    ['our Host without the port', () => ['Host: 127.0.0.1', 'Metadata-Flavor: Google']],
    ['the address of a VM as Host', () => ['Host: 169.254.169.254', 'Metadata-Flavor: Google']],
    ['two Hosts', (host) => [`Host: ${host}`, 'Host: rebound.example', 'Metadata-Flavor: Google']],
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
    ].map((sign) => [sign, (host: string) => [`Host: ${host}`, 'Metadata-Flavor: Google', sign]] as const),
  ];
  for (const [what, headers] of badHeaders) {
    it(`refuses ${what}`, async () => {
      await start();
      const { status, body, headers: answered } = await ask(tokenPath, [...headers(address)]);
      assert.equal(status, 403, body);
      assert.doesNotMatch(body, /t1\./);
      assert.doesNotMatch(answered, /access-control|location/i);
      assert.deepEqual(asked, []);
    });
  }

  it('refuses a request of HTTP/1.0 without a Host', async () => {
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
    it(`has nothing at ${path}`, async () => {
      await start();
      const { status } = await ask(path);
      assert.ok(status === 404 || status === 400, String(status));
      assert.deepEqual(asked, []);
    });
  }

  const failures: readonly (readonly [Problem['code'], number])[] = [
    ['login_required', 403],
    ['unknown_profile', 404],
    ['unavailable', 503],
    ['locked', 503],
    ['keychain_locked', 503],
    ['too_busy', 503],
    ['internal', 500],
  ];
  for (const [code, expected] of failures) {
    it(`answers ${code} with ${expected}`, async () => {
      await start();
      tokenAnswer = { error: { code, message: 'so it is' } };
      const { status, body } = await ask();
      assert.deepEqual([status, JSON.parse(body)], [expected, { error: { code, message: 'so it is' } }]);
    });
  }

  it('answers its own user alone, says once who else came, and nobody whom it cannot tell', async () => {
    let peer: number | null = 1_000;
    await start({ onlyFor: { uid: 1_000, uidOf: async () => peer } });
    assert.equal((await ask()).status, 200);
    for (const other of [65_534, 65_534, 0, null]) {
      peer = other;
      const { status, body } = await ask();
      assert.equal(status, 403, body);
      assert.doesNotMatch(body, /t1\./);
    }
    assert.equal(asked.length, 1);
    assert.deepEqual(
      log.lines.filter((line) => line.includes('refused')).map((line) => line.replace(/^\w+ /, '')),
      [
        'refused a program of uid 65534 at the metadata address',
        'refused a program of uid 0 at the metadata address',
        'refused a program whose user cannot be found at the metadata address',
      ],
    );
  });

  it('gives nothing where the users of peers cannot be read', async () => {
    await start({
      onlyFor: {
        uid: 0,
        uidOf: async () => {
          throw new Error('/proc is not there');
        },
      },
    });
    assert.equal((await ask()).status, 500);
    assert.deepEqual(asked, []);
    assert.match(log.lines.join('\n'), /^error a request over HTTP failed: \/proc is not there$/m);
  });

  it('stays off where another program has its port, and says so', async () => {
    const other = createServer();
    const port = await listen(other);
    await start({ listenOn: { host: '127.0.0.1', port } });
    assert.equal(server.address(), null);
    assert.match(
      log.lines.join('\n'),
      /^error metadata\.listen: .*EADDRINUSE.*; the metadata address stays off$/m,
    );
    other.close();
  });
});

describe('http.sock', () => {
  let folder: string;
  let server: HttpServer;

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'http-'));
    server = await httpSocket(
      { handle, clock: testClock(startMs), log: fakeLog() },
      join(folder, 'http.sock'),
    );
    await server.listen();
  });
  afterEach(async () => {
    await server.close();
    rmSync(folder, { recursive: true });
  });

  function ask(path: string, ...headers: readonly string[]): Promise<RawAnswer> {
    return sendRaw({ path: join(folder, 'http.sock') }, get(path, ['Host: localhost', ...headers]));
  }

  it('gives the token of a profile that lives long enough', async () => {
    const { status, body } = await ask('/v1/token?profile=w%C3%B6rk+1&minTtl=10m');
    assert.deepEqual(
      [status, JSON.parse(body)],
      [200, { token: 't1.abc', expiresAt, profile: 'b', subject: null }],
    );
    assert.deepEqual(asked, [{ method: 'token', profile: 'wörk 1', minTtlMs: 600_000 }]);
  });

  for (const query of [
    'minTtl=soon',
    'minTtl=',
    'minTtl=-1s',
    'minTtl=13h',
    'minTtl=1h&minTtl=1h',
    'min_ttl=1h',
    'profile=',
    'profile=a%2Fb',
    'profile=a%00',
    `profile=${'a'.repeat(65)}`,
    'profile=a&profile=b',
    '__proto__=a',
  ]) {
    it(`refuses ?${query.slice(0, 30)}`, async () => {
      const { status, body } = await ask(`/v1/token?${query}`);
      assert.equal(status, 400);
      assert.match(body, /"code":"bad_request"/);
      assert.deepEqual(asked, []);
    });
  }

  it('takes a profile by the name of an option for a profile', async () => {
    await ask('/v1/token?profile=--help');
    assert.deepEqual(asked, [{ method: 'token', profile: '--help' }]);
  });

  it('gives the status of all profiles, all pages in one', async () => {
    const { body } = await ask('/v1/status');
    const { daemon, profiles } = JSON.parse(body) as { daemon: object; profiles: { profile: string }[] };
    assert.deepEqual(daemon, { version: '1' });
    assert.deepEqual(
      profiles.map(({ profile }) => profile),
      ['a', 'b'],
    );
  });

  it('is healthy while the daemon answers', async () => {
    assert.equal((await ask('/healthz')).status, 200);
    assert.deepEqual(asked, [{ method: 'hello' }]);
  });

  it('has the paths of the metadata address too, for who sends its header', async () => {
    assert.equal((await ask(tokenPath, 'Metadata-Flavor: Google')).status, 200);
    assert.equal((await ask(tokenPath)).status, 403);
  });

  for (const sign of [
    'Origin: http://page.example',
    'Sec-Fetch-Site: same-origin',
    'X-Forwarded-For: 10.0.0.1',
  ]) {
    it(`refuses what somebody passes on to it with ${sign}`, async () => {
      assert.equal((await ask('/v1/token', sign)).status, 403);
      assert.deepEqual(asked, []);
    });
  }
});
