import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Fault } from '../../src/emulator/faults.ts';
import type { ProfileStatus } from '../../src/protocol/messages.ts';
import { askDaemon, statusOf } from '../support/ask-daemon.ts';
import { minute, second } from '../support/durations.ts';
import { oauthToken, type RunningHouse, startHouse } from '../support/running-house.ts';
import { until } from '../support/until.ts';

const exchange = 'POST /iam/v1/tokens';

const outages: readonly (readonly [string, Fault])[] = [
  ['answers 503', { kind: 'unavailable' }],
  ['cuts the connection', { kind: 'cut', of: 'answer', atByte: 0 }],
  ['cuts its answer short', { kind: 'cut', atByte: 10 }],
  ['hangs', { kind: 'hang' }],
  ['hangs in the middle of its answer', { kind: 'hang_in_body' }],
  ['sends junk', { kind: 'junk' }],
  ['is behind the page of a proxy', { kind: 'html' }],
];

for (const [what, fault] of outages) {
  describe(`while IAM ${what}`, () => {
    let house: RunningHouse;
    let token: string;

    before(async () => {
      house = await startHouse({ store: 'memory' });
      const pid = await house.startDaemon();
      await house.iamToken(['login', '--stdin'], oauthToken);
      token = (await house.iamToken()).stdout.trim();
      // Only now: the first exchange of a daemon may take its time on a busy machine.
      writeFileSync(join(house.folder, 'config', 'iam-tokend', 'config.yaml'), 'iam: { timeout: 300ms }\n');
      process.kill(pid, 'SIGHUP');
      await until(() => house.log().includes('read the configuration again'), 'it knows the timeout');
      house.emulator.setFault(fault);
    });
    after(() => house.stop());

    const calls = (): number => house.emulator.count(exchange);
    const refresh = () => askDaemon(house.socketPath, 'refresh', {});
    async function fiftyClientsGetTheToken(): Promise<void> {
      const answers = await Promise.all(
        Array.from({ length: 50 }, () => askDaemon(house.socketPath, 'token', {})),
      );
      assert.deepEqual(
        new Set(answers.map(({ result }) => result?.token)),
        new Set([token]),
        'each gets the token that there is',
      );
    }

    it('50 clients at once get the token, also while an exchange is under way', async () => {
      let isOver = false;
      const refreshed = refresh().then((answer) => {
        isOver = true;
        return answer;
      });
      await until(() => calls() > 1, 'IAM is asked');
      await fiftyClientsGetTheToken();
      if (fault.kind === 'hang') assert.ok(!isOver, 'they had to wait for IAM');
      assert.equal((await refreshed).error?.code, 'unavailable');
      await fiftyClientsGetTheToken();
    });

    it('the daemon tries again by itself', async () => {
      await until(() => calls() > 2, 'IAM is asked again');
    });

    it('nobody who asks brings an exchange before its time', async () => {
      // Each failure lets the backoff grow, until the next attempt is far enough away to be seen to wait.
      await until(
        async () => retryAtMs(await statusOf(house.socketPath)) > Date.now() + minute || !(await refresh()),
        'the next attempt is far away',
      );
      const before = await statusOf(house.socketPath);
      for (let round = 0; round < 3; round += 1) await fiftyClientsGetTheToken();
      const after = await statusOf(house.socketPath);
      assert.equal(after.attemptsInHour, before.attemptsInHour);
      assert.equal(calls(), after.attemptsInHour, 'IAM was asked as often as status says');
      assert.ok(Math.abs(retryAtMs(after) - retryAtMs(before)) < second, 'the next attempt was put off');
    });

    it('status says what is wrong, since when and how often, and that the token lives', async () => {
      const { state, trouble, problem, timeLeftMs } = await statusOf(house.socketPath);
      assert.equal(state, 'failing');
      assert.equal(problem?.code, 'unavailable');
      assert.equal(trouble?.count, calls() - 1);
      assert.ok(trouble !== null && trouble.since <= trouble.lastAt);
      assert.ok(timeLeftMs !== null && timeLeftMs > 11 * 60 * minute);
    });

    it('all is well once IAM is back and somebody asks', async () => {
      house.emulator.setFault(null);
      await until(async () => (await refresh()).result !== undefined, 'it is renewed');
      const { state, trouble } = await statusOf(house.socketPath);
      assert.deepEqual({ state, trouble }, { state: 'ok', trouble: null });
    });
  });
}

function retryAtMs({ nextRenewalAt }: ProfileStatus): number {
  return Date.parse(nextRenewalAt ?? '');
}
