import assert from 'node:assert/strict';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type UserService, userServiceSocket } from '../../../support/systems/user-service.ts';
import { waitUntil } from '../../../support/wait-until.ts';

export function describeSupervision(service: UserService): void {
  it('starts at the first request, and reports to systemd that it is ready', async () => {
    await service.installAndLogIn();
    await service.userManager.run(['systemctl', '--user', 'stop', 'iam-tokend.service']);
    assert.equal(await service.readMainPid(), 0);
    assert.match(await service.expectSuccess(service.iamToken()), /^t1\./);
    assert.equal(await service.readUnitProperty('SubState'), 'running');
  });

  it('serves every request while it is killed twenty times', async () => {
    await service.installAndLogIn();
    const killedPids = new Set<number>();
    const { failures, minResponseCount } = await service.withFiftyClients(async () => {
      while (killedPids.size < 20) {
        const currentPid = await service.readMainPid();
        // 0 while no daemon runs.
        if (currentPid === 0 || killedPids.has(currentPid)) continue;
        // The unit restarts it after 3 s: killed before it serves, it would leave the clients without an answer.
        if ((await service.readUnitProperty('ActiveState')) !== 'active') continue;
        killedPids.add(currentPid);
        process.kill(currentPid, 'SIGKILL');
      }
    });
    assert.deepEqual(failures, []);
    assert.ok(minResponseCount > 0);
  }).timeout(4 * 60_000); // The unit restarts it after 3 s.

  it('serves every request during an upgrade', async () => {
    await service.installAndLogIn();
    const pidBefore = await service.readMainPid();
    const { failures, minResponseCount } = await service.withFiftyClients(
      async () => void (await service.expectSuccess(service.iamToken('install'))),
    );
    assert.notEqual(await service.readMainPid(), pidBefore);
    assert.deepEqual(failures, []);
    assert.ok(minResponseCount > 0);
  });

  it('is killed by the watchdog if it hangs, and restarts', async () => {
    await service.installAndLogIn();
    await service.addUnitDropIn('WatchdogSec=1s');
    const stoppedPid = await service.readMainPid();
    process.kill(stoppedPid, 'SIGSTOP');
    assert.match(await service.expectSuccess(service.iamToken()), /^t1\./);
    assert.notEqual(await service.readMainPid(), stoppedPid);
    assert.equal(await service.readUnitProperty('NRestarts'), '1');
  });

  it('E4: serves again after its folder was wrong for a minute, and says why it does not in between', async () => {
    await service.installAndLogIn();
    const folder = join(service.userManager.home, '.config/iam-tokend');
    const countRestarts = async (): Promise<number> => Number(await service.readUnitProperty('NRestarts'));
    const restartsBefore = await countRestarts();
    await service.expectSuccess(service.userManager.run(['chmod', '777', folder]));
    process.kill(await service.readMainPid(), 'SIGKILL');
    // Each start answers for 5 s, and the next one follows after 3 s.
    while ((await countRestarts()) < restartsBefore + 8) {
      const { stderr, code } = await service.iamToken();
      assert.equal(code, 5, stderr);
      assert.match(stderr, /^iam-token: error: iam-tokend cannot start: .*\.config\/iam-tokend/);
      await delay(500);
    }
    await service.expectSuccess(service.userManager.run(['chmod', '700', folder]));
    const isServed = async (): Promise<boolean> => (await service.iamToken()).code === 0;
    await waitUntil(isServed, 'a token is served', 30_000);
    assert.equal(await service.readUnitProperty('ActiveState'), 'active');
    assert.equal(await service.readUnitProperty('ActiveState', 'iam-tokend.socket'), 'active');
  }).timeout(4 * 60_000);

  it('A3: serves requests after its socket was removed, and install gives the path back to systemd', async () => {
    await service.installAndLogIn();
    await service.expectSuccess(service.userManager.run(['rm', '-r', dirname(userServiceSocket)]));
    process.kill(await service.readMainPid(), 'SIGHUP');
    const testCommand = ['test', '-S', userServiceSocket];
    await waitUntil(async () => (await service.userManager.run(testCommand)).code === 0, 'it listens again');
    assert.match(await service.expectSuccess(service.iamToken()), /^t1\./);
    await service.expectSuccess(service.iamToken('install'));
    await service.userManager.run(['systemctl', '--user', 'stop', 'iam-tokend.service']);
    assert.match(await service.expectSuccess(service.iamToken()), /^t1\./, 'systemd listens on it');
  });

  it('A3: is installed again and stopped while its socket is gone', async () => {
    await service.installAndLogIn();
    await service.expectSuccess(service.userManager.run(['rm', userServiceSocket]));
    await service.expectSuccess(service.iamToken('install'));
    assert.match(await service.expectSuccess(service.iamToken()), /^t1\./);
    await service.expectSuccess(service.userManager.run(['rm', userServiceSocket]));
    assert.match(
      await service.expectSuccess(service.iamToken('stop')),
      /^iam-tokend has stopped until your next session/,
    );
    assert.equal(await service.readMainPid(), 0);
  });

  it('logs to the journal with a priority and without a time', async () => {
    await service.installAndLogIn();
    // An invalid frame causes a warning.
    const frame = String.raw`{"type":"iam-token","data":5}\f`;
    const script = `require('net').connect('${userServiceSocket}').on('close', () => process.exit()).write('${frame}')`;
    await service.expectSuccess(service.userManager.run([process.execPath, '-e', script]));
    const query = ['journalctl', '--output=json', '--identifier=iam-tokend'];
    const entries = async (): Promise<readonly Readonly<Record<string, string>>[]> =>
      (await service.userManager.runAsRoot(query)).stdout
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line) as Record<string, string>);
    const messages = async (priority: string): Promise<readonly string[]> =>
      (await entries()).filter(({ PRIORITY }) => PRIORITY === priority).map(({ MESSAGE }) => MESSAGE ?? '');
    await waitUntil(async () => (await messages('4')).length > 0, 'the warning is in the journal');
    assert.match((await messages('4')).join('\n'), /^closed a connection: /m);
    assert.match((await messages('6')).join('\n'), /^logged in profile="default" /m);
    assert.doesNotMatch((await entries()).map(({ MESSAGE }) => MESSAGE).join('\n'), /\d\d:\d\d|^<\d>/m);
  });
}
