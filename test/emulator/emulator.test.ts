import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { type Emulator, startEmulator } from '../../src/emulator/emulator.ts';
import { subjectOf } from '../../src/sources/token-subject.ts';
import { type TestClock, testClock } from '../support/test-clock.ts';

const startMs = Date.UTC(2026, 10, 24, 12);
const subject = 'ajetest0000000000001';
const known = 'y0_known-oauth-token';

interface Answered {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Readonly<Record<string, unknown>>;
}

describe('the emulator', () => {
  let clock: TestClock;
  let emulator: Emulator;

  beforeEach(async () => {
    clock = testClock(startMs);
    emulator = await startEmulator({ clock, oauthAccounts: [{ token: known, subject }] });
  });
  afterEach(() => emulator.close());

  async function ask(path: string, init: RequestInit = {}): Promise<Answered> {
    const response = await fetch(emulator.url + path, init);
    const { status, headers } = response;
    return { status, headers, body: (await response.json()) as Answered['body'] };
  }

  function post(body: string, type = 'application/json'): Promise<Answered> {
    return ask('/iam/v1/tokens', { method: 'POST', headers: { 'content-type': type }, body });
  }

  function exchange(token = known): Promise<Answered> {
    return post(JSON.stringify({ yandexPassportOauthToken: token }));
  }

  function clouds(token: string): Promise<Answered> {
    return ask('/resource-manager/v1/clouds', { headers: { authorization: `Bearer ${token}` } });
  }

  describe('gives a token', () => {
    it('of the documented pattern, that carries its subject', async () => {
      const { status, headers, body } = await exchange();
      assert.equal(status, 200);
      assert.equal(headers.get('content-type'), 'application/json');
      assert.deepEqual(Object.keys(body), ['iamToken', 'expiresAt']);
      assert.match(String(body['iamToken']), /^t1\.[A-Z0-9a-z_-]+[=]{0,2}\.[A-Z0-9a-z_-]{86}[=]{0,2}$/);
      assert.equal(subjectOf(String(body['iamToken'])), subject);
    });

    it('that lives for 12 hours, told in nanoseconds', async () => {
      const { body } = await exchange();
      assert.match(String(body['expiresAt']), /^2026-11-25T00:00:00\.000\d{6}Z$/);
    });

    it('that is another each time', async () => {
      assert.notDeepEqual((await exchange()).body, (await exchange()).body);
    });

    it('of another life, when that is set', async () => {
      emulator.lifetimeMs = 3_000;
      assert.match(String((await exchange()).body['expiresAt']), /^2026-11-24T12:00:03\.000/);
    });

    it('by a clock that can be wrong', async () => {
      assert.equal((await exchange()).headers.get('date'), 'Tue, 24 Nov 2026 12:00:00 GMT');
      emulator.clockOffsetMs = -60 * 60_000;
      const { headers, body } = await exchange();
      assert.equal(headers.get('date'), 'Tue, 24 Nov 2026 11:00:00 GMT');
      assert.match(String(body['expiresAt']), /^2026-11-24T23:00:00/);
    });

    it('to an account without a subject of its own, the same each time', async () => {
      for (const token of ['y0_a', 'y0_b']) emulator.allowOauthToken({ token });
      const subjects = [];
      for (const token of ['y0_a', 'y0_a', 'y0_b']) {
        subjects.push(subjectOf(String((await exchange(token)).body['iamToken'])));
      }
      assert.match(String(subjects[0]), /^aje[a-z0-9]{17}$/);
      assert.equal(subjects[0], subjects[1]);
      assert.notEqual(subjects[0], subjects[2]);
    });
  });

  describe('refuses', () => {
    const exactlyOne = "Exactly one of 'yandexPassportOauthToken' and 'jwt' should be specified";
    const rows: readonly (readonly [string, string, number, number, string])[] = [
      ['what is no JSON', '{"yandex', 400, 3, 'The request body is not valid JSON'],
      ['an empty body', '', 400, 3, 'The request body is not valid JSON'],
      ['an array', '[]', 400, 3, 'Illegal argument: the request body'],
      ['null', 'null', 400, 3, 'Illegal argument: the request body'],
      ['no credential', '{}', 400, 3, exactlyOne],
      ['an empty one', '{"yandexPassportOauthToken":""}', 400, 3, exactlyOne],
      ['two of them', '{"yandexPassportOauthToken":"a","jwt":"b"}', 400, 3, exactlyOne],
      ['a field it does not know', '{"yandexPassportOauthToken":"a","x":1}', 400, 3, 'Illegal argument: x'],
      ['a number', '{"yandexPassportOauthToken":1}', 400, 3, 'Illegal argument: yandexPassportOauthToken'],
      [
        'over 4,000 characters',
        `{"yandexPassportOauthToken":"${'a'.repeat(4_001)}"}`,
        400,
        3,
        'Illegal argument: yandexPassportOauthToken',
      ],
      ['64 KiB and a byte', ' '.repeat(64 * 1024 + 1), 400, 3, 'The request body is too large'],
      ['a megabyte', ' '.repeat(1_000_000), 400, 3, 'The request body is too large'],
      [
        'an OAuth token it does not know',
        '{"yandexPassportOauthToken":"a"}',
        401,
        16,
        'OAuth token is invalid or expired',
      ],
      [
        '4,000 characters it does not know',
        `{"yandexPassportOauthToken":"${'a'.repeat(4_000)}"}`,
        401,
        16,
        'OAuth token is invalid or expired',
      ],
    ];
    for (const [name, body, status, code, message] of rows) {
      it(name, async () => {
        const answered = await post(body);
        assert.equal(answered.status, status);
        assert.equal(answered.body['code'], code);
        assert.equal(answered.body['message'], message);
        const [detail] = answered.body['details'] as readonly Readonly<Record<string, string>>[];
        assert.equal(detail?.['@type'], 'type.googleapis.com/google.rpc.RequestInfo');
        assert.match(String(detail?.['requestId']), /^[0-9a-f-]{36}$/);
      });
    }

    it('another content type, and none of its own kind', async () => {
      const body = JSON.stringify({ yandexPassportOauthToken: known });
      for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'application/jsonp']) {
        assert.equal((await post(body, type)).body['message'], 'Content-Type must be application/json');
      }
      assert.equal((await post(body, 'application/json; charset=utf-8')).status, 200);
    });

    it('an OAuth token made since June 2026, and accounts that are not ready', async () => {
      emulator.allowOauthToken({ token: 'y0_new', subject, refusal: 'made_since_june_2026' });
      emulator.allowOauthToken({ token: 'y0_cloudless', refusal: 'no_cloud' });
      emulator.allowOauthToken({ token: 'y0_unagreed', refusal: 'no_agreement' });
      const messages = [];
      for (const token of ['y0_new', 'y0_cloudless', 'y0_unagreed']) {
        const { status, body } = await exchange(token);
        messages.push([status, body['code'], body['message']]);
      }
      assert.deepEqual(messages, [
        [
          400,
          3,
          `OAuth token for user '${subject}', issued after '2026-06-01', is not supported for IAM token exchange`,
        ],
        [401, 16, 'User does not registered in Yandex.cloud'],
        [401, 16, 'User has to accept the End User License Agreement and Privacy Policy to get an IAM token'],
      ]);
    });

    it('an OAuth token that was revoked, while the IAM token made from it lives on', async () => {
      const { body } = await exchange();
      emulator.revokeOauthToken(known);
      assert.equal((await exchange()).status, 401);
      assert.equal((await clouds(String(body['iamToken']))).status, 200);
    });

    it('addresses and methods that it does not have', async () => {
      assert.deepEqual((await ask('/iam/v1/nothing')).body['code'], 5);
      assert.deepEqual((await ask('/iam/v1/tokens')).body['code'], 12);
    });
  });

  describe('lists the clouds', () => {
    it('for a living token', async () => {
      const { status, body } = await clouds(String((await exchange()).body['iamToken']));
      assert.equal(status, 200);
      const names = (body['clouds'] as readonly { readonly name: string }[]).map(({ name }) => name);
      assert.deepEqual(names, ['demo', 'demo-staging']);
    });

    it('and for no other', async () => {
      const token = String((await exchange()).body['iamToken']);
      const other = token.replace(/.$/, (last) => (last === 'A' ? 'Q' : 'A'));
      const refusals = [
        await ask('/resource-manager/v1/clouds'),
        await clouds('t1.a.b'),
        await clouds(other),
      ];
      emulator.revokeIamToken(token);
      refusals.push(await clouds(token));
      const dying = String((await exchange()).body['iamToken']);
      clock.advance(12 * 60 * 60_000);
      refusals.push(await clouds(dying));
      for (const { status, body } of refusals) {
        assert.deepEqual(
          [status, body['code'], body['message']],
          [401, 16, 'Token is invalid or has expired.'],
        );
      }
    });
  });

  describe('keeps a log', () => {
    it('of what came and how it ended, over HTTP too', async () => {
      await exchange();
      emulator.setFault({ kind: 'unavailable' }, 1);
      await exchange('y0_unknown');
      await ask('/resource-manager/v1/clouds?pageSize=1');
      await ask('/secret/path');
      const call = { at: '2026-11-24T12:00:00.000Z', method: 'POST', path: '/iam/v1/tokens', fault: null };
      assert.deepEqual(emulator.calls(), [
        { ...call, status: 200 },
        { ...call, status: 503, fault: 'unavailable' },
        { ...call, method: 'GET', path: '/resource-manager/v1/clouds', status: 401 },
        { ...call, method: 'GET', path: '(unknown)', status: 404 },
      ]);
      assert.equal(emulator.count('POST /iam/v1/tokens'), 2);
      const { body } = await ask('/emulator/log');
      assert.deepEqual(body['calls'], emulator.calls());
      assert.deepEqual(body['counts'], {
        'POST /iam/v1/tokens': 2,
        'GET /resource-manager/v1/clouds': 1,
        'GET (unknown)': 1,
      });
    });

    it('without a secret', async () => {
      const token = String((await exchange()).body['iamToken']);
      await clouds(token);
      await ask(`/resource-manager/v1/clouds?token=${token}`);
      await ask(`/${token}`);
      const log = JSON.stringify((await ask('/emulator/log')).body);
      assert.ok(!log.includes(token) && !log.includes(known));
    });
  });

  describe('has faults', () => {
    const put = (body: unknown): Promise<Answered> =>
      ask('/emulator/fault', { method: 'PUT', body: JSON.stringify(body) });

    it('until they are switched off', async () => {
      emulator.setFault({ kind: 'unavailable' });
      assert.deepEqual([(await exchange()).status, (await exchange()).status], [503, 503]);
      emulator.setFault(null);
      assert.equal((await exchange()).status, 200);
    });

    it('or for so many calls', async () => {
      emulator.setFault({ kind: 'too_many_requests', retryAfter: '7' }, 2);
      const [first, second, third] = [await exchange(), await exchange(), await exchange()];
      assert.deepEqual([first.status, second.status, third.status], [429, 429, 200]);
      assert.equal(first.headers.get('retry-after'), '7');
    });

    it('of IAM alone', async () => {
      const token = String((await exchange()).body['iamToken']);
      emulator.setFault({ kind: 'hang' });
      assert.equal((await clouds(token)).status, 200);
    });

    it('that are switched over HTTP', async () => {
      assert.equal(
        (await put({ fault: { kind: 'status', code: 9, message: 'frozen' }, count: 1 })).status,
        200,
      );
      assert.deepEqual((await exchange()).body['message'], 'frozen');
      assert.equal((await exchange()).status, 200);
      assert.deepEqual((await put({ fault: 'too_many_requests' })).body, {
        fault: { kind: 'too_many_requests', retryAfter: '30' },
      });
      assert.equal((await exchange()).status, 429);
      assert.equal((await put({ fault: null })).status, 200);
      assert.equal((await exchange()).status, 200);
    });

    it('of which it refuses what it does not know', async () => {
      const wrong = [
        {},
        [],
        { fault: 'nothing' },
        { fault: {} },
        { fault: 'status' },
        { fault: { kind: 'cut', atByte: -1 } },
        { fault: { kind: 'hang', x: 1 } },
        { fault: 'hang', count: 0 },
        { fault: 'hang', more: 1 },
      ];
      for (const body of wrong) {
        const answered = await put(body);
        assert.equal(answered.status, 400, JSON.stringify(body));
        assert.equal(typeof answered.body['error'], 'string');
      }
      assert.equal((await ask('/emulator/fault', { method: 'PUT', body: '{' })).status, 400);
      assert.throws(() => emulator.setFault({ kind: 'hang' }, 0), TypeError);
    });
  });

  it('goes on when somebody leaves in the middle of a request', async () => {
    const socket = connect(Number(new URL(emulator.url).port), '127.0.0.1');
    await once(socket, 'connect');
    const head = 'POST /iam/v1/tokens HTTP/1.1\r\nhost: x\r\ncontent-length: 99\r\n\r\n{';
    await new Promise((resolve) => socket.write(head, resolve));
    socket.resetAndDestroy();
    assert.equal((await exchange()).status, 200);
  });

  it('closes while calls hang', async () => {
    emulator.setFault({ kind: 'hang' });
    const hanging = assert.rejects(exchange());
    while (emulator.count('POST /iam/v1/tokens') === 0) await new Promise(setImmediate);
    await emulator.close();
    await hanging;
    emulator = await startEmulator({ clock });
  });
});
