import assert from 'node:assert/strict';
import { chmodSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { encodeFrame } from '../../../src/protocol/envelope.ts';
import { oauthToken, type TestEnvironment, startTestEnvironment } from '../../support/test-environment.ts';
import { waitUntil } from '../../support/wait-until.ts';

describe('SIGHUP', () => {
  let testEnv: TestEnvironment;
  let pid: number;
  let connection: Socket;
  let received = '';

  const writeConfig = (text: string): void =>
    writeFileSync(join(testEnv.folder, 'config', 'iam-tokend', 'config.yaml'), text);
  const requestToken = async (id: number): Promise<void> => {
    connection.write(encodeFrame({ v: 1, id, method: 'token' }));
    await waitUntil(() => received.includes(`"id":${id},"result"`), `response ${id}`);
  };

  before(async () => {
    testEnv = await startTestEnvironment({ store: 'memory', logLevel: 'info' });
    pid = await testEnv.startDaemon();
    await testEnv.iamToken(['login', '--stdin'], oauthToken);
    connection = connect(testEnv.socketPath).setEncoding('utf8');
    connection.on('data', (chunk: string) => (received += chunk));
  });
  after(async () => {
    connection.destroy();
    await testEnv.stop();
  });

  it('reloads the configuration, and drops no connection', async () => {
    await requestToken(1);
    const readNextRenewal = async (): Promise<string> => {
      const { stdout } = await testEnv.iamToken(['status', '--json']);
      return (
        (JSON.parse(stdout) as { profiles: { nextRenewalAt: string }[] }).profiles[0]?.nextRenewalAt ?? ''
      );
    };
    writeConfig('refresh: { schedule: "17 17 * * * *" }\n');
    process.kill(pid, 'SIGHUP');
    await waitUntil(() => testEnv.readLog().includes('reloaded the configuration'), 'it was reloaded');
    assert.match(await readNextRenewal(), /:17:17\.000Z$/);
    await requestToken(2);
  });

  it('rejects an invalid configuration as a whole, reports each violation, and keeps the previous one', async () => {
    writeConfig('refresh: { schedule: "0 30 * * * *" }\niam: { timeout: soon }\n');
    process.kill(pid, 'SIGHUP');
    await waitUntil(
      () => testEnv.readLog().includes('the previous configuration stays in force'),
      'it was rejected',
    );
    assert.match(testEnv.readLog(), /config\.yaml:2: iam\.timeout: /);
    const { stdout } = await testEnv.iamToken(['status', '--json']);
    assert.match(stdout, /:17:17\.000Z/);
    await requestToken(3);
  });

  it('D7: warns of a password in a file that other users can read', async () => {
    writeConfig('network: { proxy: "http://me:cAnArY@127.0.0.1:9" }\n');
    chmodSync(join(testEnv.folder, 'config', 'iam-tokend', 'config.yaml'), 0o644);
    process.kill(pid, 'SIGHUP');
    await waitUntil(
      () =>
        /contains the password of a proxy and is accessible to other users.*; run: chmod 600 /.test(
          testEnv.readLog(),
        ),
      'it warns',
    );
    assert.doesNotMatch(testEnv.readLog(), /cAnArY/);
  });
});
