import assert from 'node:assert/strict';
import { createTestClock } from '../support/time/test-clock.ts';
import { type Emulator, startEmulator } from './emulator.ts';

const robot = 'ajerobot000000000001';
const ada = 'ajeada00000000000001';
const stranger = 'ajestranger000000001';

describe('emulator, descriptions of accounts', () => {
  let emulator: Emulator;

  before(async () => {
    emulator = await startEmulator({ clock: createTestClock() });
    emulator.describeAccount(robot, { name: 'my-robot' });
    emulator.describeAccount(ada, { yandexPassportUserAccount: { login: 'ada', defaultEmail: 'ada@ya.ru' } });
  });
  after(() => emulator.close());

  async function get(path: string, token = emulator.issueToken(robot).token) {
    const response = await fetch(emulator.url + path, { headers: { authorization: `Bearer ${token}` } });
    const { code, ...body } = (await response.json()) as Readonly<Record<string, unknown>>;
    return { status: response.status, code, body };
  }

  it('are in the collection of their type, for a valid token', async () => {
    assert.deepEqual((await get(`/iam/v1/serviceAccounts/${robot}`)).body, { id: robot, name: 'my-robot' });
    assert.deepEqual((await get(`/iam/v1/userAccounts/${ada}`)).body, {
      id: ada,
      yandexPassportUserAccount: { login: 'ada', defaultEmail: 'ada@ya.ru' },
    });
    assert.equal(emulator.countRequests(`GET /iam/v1/serviceAccounts/${robot}`), 1);
  });

  it('are refused as IAM does', async () => {
    const cases = [
      [`/iam/v1/userAccounts/${robot}`, undefined, 404, 5],
      [`/iam/v1/serviceAccounts/${ada}`, undefined, 404, 5],
      [`/iam/v1/serviceAccounts/${stranger}`, undefined, 403, 7],
      [`/iam/v1/serviceAccounts/${robot}`, 't1.wrong', 401, 16],
      ['/iam/v1/serviceAccounts/', undefined, 404, 5],
      [`/iam/v1/serviceAccounts/${robot}/x`, undefined, 404, 5],
    ] as const;
    for (const [path, token, status, code] of cases) {
      const response = await get(path, token);
      assert.deepEqual([response.status, response.code], [status, code], path);
    }
  });
});
