import assert from 'node:assert/strict';
import { askDaemon, statusOf } from '../support/ask-daemon.ts';
import { hour } from '../support/durations.ts';
import { oauthToken, type RunningHouse, startHouse } from '../support/running-house.ts';
import { until } from '../support/until.ts';

const everySecond = 'refresh: { schedule: "* * * * * *" }\n';

describe('a refusal of IAM', () => {
  let house: RunningHouse;

  async function startWith(config: string): Promise<void> {
    house = await startHouse({ store: 'memory', config });
    await house.startDaemon();
    assert.equal((await house.iamToken(['login', '--stdin'], oauthToken)).code, 0);
  }
  afterEach(() => house.stop());

  const calls = (): number => house.emulator.count('POST /iam/v1/tokens');
  const callsWith = (status: number): number =>
    house.emulator.calls().filter((call) => call.status === status).length;
  const ask = (minTtlMs: number) => askDaemon(house.socketPath, 'token', { minTtlMs });

  it('for good (401, code 16) is followed by no call, whatever is asked, until a login', async () => {
    await startWith('');
    house.emulator.revokeOauthToken(oauthToken);
    const { code, stderr } = await house.iamToken(['refresh']);
    assert.equal(code, 4);
    assert.match(
      stderr,
      /error: IAM says that this OAuth token is invalid or has expired\n.*hint: iam-token login/,
    );

    const before = calls();
    for (let round = 0; round < 20; round += 1) {
      const { result } = await ask(0);
      assert.ok(result !== undefined, 'the token in hand is served all the same');
      assert.equal(result.warning?.code, 'login_required');
      assert.ok((await ask(12 * hour)).error !== undefined);
    }
    const status = await statusOf(house.socketPath);
    assert.deepEqual(
      [status.state, status.problem?.code, status.nextRenewalAt],
      ['login_required', 'login_required', null],
    );
    assert.equal(calls(), before);

    house.emulator.allowOauthToken({ token: oauthToken });
    assert.equal((await house.iamToken(['login', '--stdin'], oauthToken)).code, 0);
    assert.equal(calls(), before + 1);
    assert.equal((await statusOf(house.socketPath)).state, 'ok');
    assert.equal((await ask(0)).result?.warning, undefined);
  });

  it('for good has a hint for the profile that it is about, not for the default one', async () => {
    await startWith('');
    const other = 'y0_AgAAAAAotheraccount0123456789';
    const login = ['login', '--profile', 'my other', '--stdin'];
    const hint = "iam-token: hint: iam-token login --profile='my other'";
    assert.ok((await house.iamToken(login, other)).stderr.includes(hint), 'it was not taken yet');
    house.emulator.allowOauthToken({ token: other });
    assert.equal((await house.iamToken(login, other)).code, 0);
    house.emulator.revokeOauthToken(other);
    assert.ok((await house.iamToken(['refresh', '--profile', 'my other'])).stderr.includes(hint));
    await house.iamToken(['use', 'my other']);
    const asDefault = await house.iamToken(['refresh']);
    assert.match(asDefault.stderr, /hint: iam-token login, with/);
  });

  it('for good is not put to the question by the schedule, which others obey meanwhile', async () => {
    await startWith(everySecond);
    const other = 'y0_AgAAAAotheraccount0123456789';
    house.emulator.allowOauthToken({ token: other });
    await house.iamToken(['login', '--profile', 'other', '--stdin'], other);
    house.emulator.revokeOauthToken(oauthToken);
    await until(() => callsWith(401) > 0, 'IAM refuses one of them');
    const renewed = callsWith(200);
    await until(() => callsWith(200) >= renewed + 3, 'the schedule fires three times');
    assert.equal(callsWith(401), 1);
  });

  it('for want of a role (403, code 7) is put to the question by the schedule', async () => {
    await startWith(everySecond);
    house.emulator.setFault({ kind: 'status', code: 7, message: 'Permission denied' });
    await until(() => callsWith(403) >= 3, 'the schedule fires three times');
    assert.equal((await statusOf(house.socketPath)).state, 'login_required');
    house.emulator.setFault(null);
    await until(async () => (await statusOf(house.socketPath)).state === 'ok', 'the role was granted');
  });

  it('is not in the 403 page of a proxy: that is tried again', async () => {
    await startWith('');
    house.emulator.setFault({ kind: 'html' }, 1);
    const { code, stderr } = await house.iamToken(['refresh']);
    assert.equal(code, 5);
    assert.match(stderr, /error: IAM answered 403 with a web page: a proxy/);
    await until(async () => (await statusOf(house.socketPath)).state === 'ok', 'it is tried again by itself');
    assert.equal(calls(), 3);
  });
});
