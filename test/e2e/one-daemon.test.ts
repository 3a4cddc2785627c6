import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type RunningHouse, startHouse } from '../support/running-house.ts';
import { until } from '../support/until.ts';

describe('iam-tokend', () => {
  let house: RunningHouse;

  beforeEach(async () => {
    house = await startHouse({ store: 'memory' });
  });
  afterEach(() => house.stop());

  it('finds a daemon that is alive, says so and leaves it alone', async () => {
    await house.startDaemon();
    const second = await house.iamTokend(['--store', 'memory']);
    assert.equal(second.code, 1);
    assert.match(second.stderr, /^iam-tokend: error: another iam-tokend is at work/);
    assert.equal((await house.iamToken(['profiles'])).code, 0);
  });

  it('takes the place of one that was killed', async () => {
    await house.startDaemon();
    await house.stopDaemon('SIGKILL');
    await house.startDaemon();
    assert.equal((await house.iamToken(['profiles'])).code, 0);
  });

  it('names six mistakes of a config file, with their lines', async () => {
    const path = join(house.folder, 'config', 'iam-tokend', 'config.yaml');
    writeFileSync(
      path,
      'store: drawer\nlog: { level: loud }\nrefresh:\n  schedule: "61 * * * *"\niam:\n  timeout: soon\nnetwork: { caFile: /nowhere/ca.pem }\ncolour: red\n',
    );
    const { stderr, code } = await house.iamTokend([]);
    assert.equal(code, 2);
    const lines = stderr.trim().split('\n');
    assert.equal(lines.length, 6);
    assert.deepEqual(
      lines.map((line) => new RegExp(`^iam-tokend: error: ${path}:(\\d+): `).exec(line)?.[1]),
      ['1', '2', '4', '6', '7', '8'],
    );
  });

  it('warns once of a schedule with a gap that no token outlives', async () => {
    const path = join(house.folder, 'config', 'iam-tokend', 'config.yaml');
    writeFileSync(path, 'refresh: { schedule: "0 9 * * *" }\n');
    await house.startDaemon();
    await until(() => house.log().includes('read the store'), 'it is at work');
    assert.equal(house.log().split('leaves more than 12 hours between two renewals').length - 1, 1);
  });

  it('does not start with a file of certificates that holds none', async () => {
    const path = join(house.folder, 'config', 'iam-tokend', 'config.yaml');
    writeFileSync(path, `network: { caFile: ${path} }\n`);
    const { stderr, code } = await house.iamTokend([]);
    assert.equal(code, 2);
    assert.equal(stderr, `iam-tokend: error: ${path}:1: network.caFile: holds no certificate in PEM\n`);
  });

  it('says in words why it cannot make the folder of its configuration, and so does the client', async () => {
    const config = join(house.folder, 'config');
    rmSync(config, { recursive: true });
    writeFileSync(config, '');
    const { stderr, code } = await house.iamTokend([]);
    const folder = join(config, 'iam-tokend');
    assert.deepEqual(
      [stderr, code],
      [`iam-tokend: error: ${folder} cannot be used: a part of this path is no folder\n`, 1],
    );
    const { stdout } = await house.iamToken(['doctor']);
    assert.match(stdout, /configuration .*config\.yaml cannot be read: a part of this path is no folder\n/);
  });

  it('takes an empty IAM_TOKEND_SOCKET as none, as the client does', async () => {
    await house.startDaemon([], { IAM_TOKEND_SOCKET: '' });
    assert.equal((await house.iamToken(['profiles'])).code, 0);
  });

  it('says what is wrong with a flag', async () => {
    const { stderr, code } = await house.iamTokend(['--colour', 'red']);
    assert.equal(code, 2);
    assert.match(stderr, /^iam-tokend: error: unknown option '--colour'; see iam-tokend --help\n$/);
  });
});
