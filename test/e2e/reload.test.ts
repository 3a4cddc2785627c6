import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { encodeFrame } from '../../src/protocol/frames.ts';
import { oauthToken, type RunningHouse, startHouse } from '../support/running-house.ts';
import { until } from '../support/until.ts';

describe('SIGHUP', () => {
  let house: RunningHouse;
  let pid: number;
  let connection: Socket;
  let received = '';

  const writeConfig = (text: string): void =>
    writeFileSync(join(house.folder, 'config', 'iam-tokend', 'config.yaml'), text);
  const ask = async (id: number): Promise<void> => {
    connection.write(encodeFrame({ v: 1, id, method: 'token' }));
    await until(() => received.includes(`"id":${id},"result"`), `answer ${id}`);
  };

  before(async () => {
    house = await startHouse({ store: 'memory', logLevel: 'info' });
    pid = await house.startDaemon();
    await house.iamToken(['login', '--stdin'], oauthToken);
    connection = connect(house.socketPath).setEncoding('utf8');
    connection.on('data', (piece: string) => (received += piece));
  });
  after(async () => {
    connection.destroy();
    await house.stop();
  });

  it('has the configuration read again, and no connection dropped', async () => {
    await ask(1);
    const planned = async (): Promise<string> => {
      const { stdout } = await house.iamToken(['status', '--json']);
      return (
        (JSON.parse(stdout) as { profiles: { nextRenewalAt: string }[] }).profiles[0]?.nextRenewalAt ?? ''
      );
    };
    writeConfig('refresh: { schedule: "17 17 * * * *" }\n');
    process.kill(pid, 'SIGHUP');
    await until(() => house.log().includes('read the configuration again'), 'it was read');
    assert.match(await planned(), /:17:17\.000Z$/);
    await ask(2);
  });

  it('refuses a broken one whole, names each mistake, and goes on as before', async () => {
    writeConfig('refresh: { schedule: "0 30 * * * *" }\niam: { timeout: soon }\n');
    process.kill(pid, 'SIGHUP');
    await until(() => house.log().includes('the configuration stays as it was'), 'it was refused');
    assert.match(house.log(), /config\.yaml:2: iam\.timeout: /);
    const { stdout } = await house.iamToken(['status', '--json']);
    assert.match(stdout, /:17:17\.000Z/);
    await ask(3);
  });
});
