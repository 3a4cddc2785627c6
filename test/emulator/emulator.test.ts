import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { subjectOf } from '../../src/sources/exchange/token-subject.ts';
import { EmulatorFixture, emulatorOauthToken, emulatorSubject } from '../support/iam/emulator-fixture.ts';

describe('emulator', () => {
  let fixture: EmulatorFixture;

  beforeEach(async () => {
    fixture = await EmulatorFixture.start();
  });
  afterEach(() => fixture.emulator.close());

  describe('POST /iam/v1/tokens', () => {
    it('returns a token of the documented pattern, which contains its subject', async () => {
      const { status, headers, body } = await fixture.exchange();
      assert.equal(status, 200);
      assert.equal(headers.get('content-type'), 'application/json');
      assert.deepEqual(Object.keys(body), ['iamToken', 'expiresAt']);
      assert.match(String(body['iamToken']), /^t1\.[A-Z0-9a-z_-]+[=]{0,2}\.[A-Z0-9a-z_-]{86}[=]{0,2}$/);
      assert.equal(subjectOf(String(body['iamToken'])), emulatorSubject);
    });

    it('returns an expiry after 12 hours, in nanoseconds', async () => {
      const { body } = await fixture.exchange();
      assert.match(String(body['expiresAt']), /^2026-11-25T00:00:00\.000\d{6}Z$/);
    });

    it('returns another token for each request', async () => {
      assert.notDeepEqual((await fixture.exchange()).body, (await fixture.exchange()).body);
    });

    it('applies a changed lifetime', async () => {
      fixture.emulator.lifetimeMs = 3_000;
      assert.match(String((await fixture.exchange()).body['expiresAt']), /^2026-11-24T12:00:03\.000/);
    });

    it('applies a clock offset', async () => {
      assert.equal((await fixture.exchange()).headers.get('date'), 'Tue, 24 Nov 2026 12:00:00 GMT');
      fixture.emulator.clockOffsetMs = -60 * 60_000;
      const { headers, body } = await fixture.exchange();
      assert.equal(headers.get('date'), 'Tue, 24 Nov 2026 11:00:00 GMT');
      assert.match(String(body['expiresAt']), /^2026-11-24T23:00:00/);
    });

    it('derives a stable subject for an account without one', async () => {
      for (const token of ['y0_a', 'y0_b']) fixture.emulator.allowOauthToken({ token });
      const subjects = [];
      for (const token of ['y0_a', 'y0_a', 'y0_b']) {
        subjects.push(subjectOf(String((await fixture.exchange(token)).body['iamToken'])));
      }
      assert.match(String(subjects[0]), /^aje[a-z0-9]{17}$/);
      assert.equal(subjects[0], subjects[1]);
      assert.notEqual(subjects[0], subjects[2]);
    });
  });

  describe('invalid requests', () => {
    const exactlyOne = "Exactly one of 'yandexPassportOauthToken' and 'jwt' should be specified";
    const rows: readonly (readonly [string, string, number, number, string])[] = [
      ['not JSON', '{"yandex', 400, 3, 'The request body is not valid JSON'],
      ['an empty body', '', 400, 3, 'The request body is not valid JSON'],
      ['an array', '[]', 400, 3, 'Illegal argument: the request body'],
      ['null', 'null', 400, 3, 'Illegal argument: the request body'],
      ['no credential', '{}', 400, 3, exactlyOne],
      ['an empty credential', '{"yandexPassportOauthToken":""}', 400, 3, exactlyOne],
      ['two credentials', '{"yandexPassportOauthToken":"a","jwt":"b"}', 400, 3, exactlyOne],
      ['an unknown field', '{"yandexPassportOauthToken":"a","x":1}', 400, 3, 'Illegal argument: x'],
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
        'an unknown OAuth token',
        '{"yandexPassportOauthToken":"a"}',
        401,
        16,
        'OAuth token is invalid or expired',
      ],
      [
        'an unknown OAuth token of 4,000 characters',
        `{"yandexPassportOauthToken":"${'a'.repeat(4_000)}"}`,
        401,
        16,
        'OAuth token is invalid or expired',
      ],
    ];
    for (const [name, body, status, code, message] of rows) {
      it(`are rejected: ${name}`, async () => {
        const response = await fixture.post(body);
        assert.equal(response.status, status);
        assert.equal(response.body['code'], code);
        assert.equal(response.body['message'], message);
        const [detail] = response.body['details'] as readonly Readonly<Record<string, string>>[];
        assert.equal(detail?.['@type'], 'type.googleapis.com/google.rpc.RequestInfo');
        assert.match(String(detail?.['requestId']), /^[0-9a-f-]{36}$/);
      });
    }

    it('are rejected: another content type', async () => {
      const body = JSON.stringify({ yandexPassportOauthToken: emulatorOauthToken });
      for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'application/jsonp']) {
        assert.equal(
          (await fixture.post(body, type)).body['message'],
          'Content-Type must be application/json',
        );
      }
      assert.equal((await fixture.post(body, 'application/json; charset=utf-8')).status, 200);
    });

    it('are rejected: an OAuth token made since June 2026, and incomplete accounts', async () => {
      fixture.emulator.allowOauthToken({
        token: 'y0_new',
        subject: emulatorSubject,
        rejectionReason: 'made_since_june_2026',
      });
      fixture.emulator.allowOauthToken({ token: 'y0_cloudless', rejectionReason: 'no_cloud' });
      fixture.emulator.allowOauthToken({ token: 'y0_unagreed', rejectionReason: 'no_agreement' });
      const messages = [];
      for (const token of ['y0_new', 'y0_cloudless', 'y0_unagreed']) {
        const { status, body } = await fixture.exchange(token);
        messages.push([status, body['code'], body['message']]);
      }
      assert.deepEqual(messages, [
        [
          400,
          3,
          `OAuth token for user '${emulatorSubject}', issued after '2026-06-01', is not supported for IAM token exchange`,
        ],
        [401, 16, 'User does not registered in Yandex.cloud'],
        [401, 16, 'User has to accept the End User License Agreement and Privacy Policy to get an IAM token'],
      ]);
    });

    it('are rejected: a revoked OAuth token, while its IAM token stays valid', async () => {
      const { body } = await fixture.exchange();
      fixture.emulator.revokeOauthToken(emulatorOauthToken);
      assert.equal((await fixture.exchange()).status, 401);
      assert.equal((await fixture.listClouds(String(body['iamToken']))).status, 200);
    });

    it('are rejected: unknown paths and methods', async () => {
      assert.deepEqual((await fixture.send('/iam/v1/nothing')).body['code'], 5);
      assert.deepEqual((await fixture.send('/iam/v1/tokens')).body['code'], 12);
    });
  });

  describe('GET /resource-manager/v1/clouds', () => {
    it('accepts a valid token', async () => {
      const { status, body } = await fixture.listClouds(String((await fixture.exchange()).body['iamToken']));
      assert.equal(status, 200);
      const names = (body['clouds'] as readonly { readonly name: string }[]).map(({ name }) => name);
      assert.deepEqual(names, ['demo', 'demo-staging']);
    });

    it('rejects every other token', async () => {
      const token = String((await fixture.exchange()).body['iamToken']);
      const forgedToken = token.replace(/.$/, (last) => (last === 'A' ? 'Q' : 'A'));
      const responses = [
        await fixture.send('/resource-manager/v1/clouds'),
        await fixture.listClouds('t1.a.b'),
        await fixture.listClouds(forgedToken),
      ];
      fixture.emulator.revokeIamToken(token);
      responses.push(await fixture.listClouds(token));
      const expiringToken = String((await fixture.exchange()).body['iamToken']);
      fixture.clock.advance(12 * 60 * 60_000);
      responses.push(await fixture.listClouds(expiringToken));
      for (const { status, body } of responses) {
        assert.deepEqual(
          [status, body['code'], body['message']],
          [401, 16, 'Token is invalid or has expired.'],
        );
      }
    });
  });

  describe('request log', () => {
    it('lists requests and their outcomes, also over HTTP', async () => {
      await fixture.exchange();
      fixture.emulator.setFault({ kind: 'unavailable' }, 1);
      await fixture.exchange('y0_unknown');
      await fixture.send('/resource-manager/v1/clouds?pageSize=1');
      await fixture.send('/secret/path');
      const call = { at: '2026-11-24T12:00:00.000Z', method: 'POST', path: '/iam/v1/tokens', fault: null };
      assert.deepEqual(fixture.emulator.listRequests(), [
        { ...call, status: 200 },
        { ...call, status: 503, fault: 'unavailable' },
        { ...call, method: 'GET', path: '/resource-manager/v1/clouds', status: 401 },
        { ...call, method: 'GET', path: '(unknown)', status: 404 },
      ]);
      assert.equal(fixture.emulator.countRequests('POST /iam/v1/tokens'), 2);
      const { body } = await fixture.send('/emulator/log');
      assert.deepEqual(body['calls'], fixture.emulator.listRequests());
      assert.deepEqual(body['counts'], {
        'POST /iam/v1/tokens': 2,
        'GET /resource-manager/v1/clouds': 1,
        'GET (unknown)': 1,
      });
    });

    it('contains no secret', async () => {
      const token = String((await fixture.exchange()).body['iamToken']);
      await fixture.listClouds(token);
      await fixture.send(`/resource-manager/v1/clouds?token=${token}`);
      await fixture.send(`/${token}`);
      const log = JSON.stringify((await fixture.send('/emulator/log')).body);
      assert.ok(!log.includes(token) && !log.includes(emulatorOauthToken));
    });
  });

  it('keeps serving after a client disconnects in the middle of a request', async () => {
    const socket = connect(Number(new URL(fixture.emulator.url).port), '127.0.0.1');
    await once(socket, 'connect');
    const head = 'POST /iam/v1/tokens HTTP/1.1\r\nhost: x\r\ncontent-length: 99\r\n\r\n{';
    await new Promise((resolve) => socket.write(head, resolve));
    socket.resetAndDestroy();
    assert.equal((await fixture.exchange()).status, 200);
  });

  it('closes while requests hang', async () => {
    fixture.emulator.setFault({ kind: 'hang' });
    const hanging = assert.rejects(fixture.exchange());
    while (fixture.emulator.countRequests('POST /iam/v1/tokens') === 0) await new Promise(setImmediate);
    await fixture.emulator.close();
    await hanging;
    fixture = await EmulatorFixture.start();
  });
});
