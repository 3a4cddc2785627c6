import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestEnvironment, startTestEnvironment } from '../../support/test-environment.ts';
import { waitUntil } from '../../support/wait-until.ts';

describe('iam-tokend startup', () => {
  let testEnv: TestEnvironment;

  beforeEach(async () => {
    testEnv = await startTestEnvironment({ store: 'memory' });
  });
  afterEach(() => testEnv.stop());

  it('fails if another daemon runs, and does not affect it', async () => {
    await testEnv.startDaemon();
    const secondDaemon = await testEnv.iamTokend(['--store', 'memory']);
    assert.equal(secondDaemon.code, 1);
    assert.match(secondDaemon.stderr, /^iam-tokend: error: another iam-tokend is running/);
    assert.equal((await testEnv.iamToken(['profiles'])).code, 0);
  });

  it('E10: fails with a sentence for a configuration folder below /proc', async () => {
    Object.assign(testEnv.environment, { XDG_CONFIG_HOME: '/proc/1/x' });
    const { code, stderr } = await testEnv.iamTokend(['--store', 'memory']);
    assert.equal(code, 1);
    assert.match(
      stderr,
      /^iam-tokend: error: cannot create the configuration folder \/proc\/1\/x\/iam-tokend: no such file or folder$/m,
    );
  });

  it('E10: serves and stops although its log cannot be written below /proc', async () => {
    Object.assign(testEnv.environment, { XDG_STATE_HOME: '/proc/1/x' });
    await testEnv.startDaemon();
    assert.equal((await testEnv.iamToken(['profiles'])).code, 0);
    assert.ok((await testEnv.stopDaemon()) < 5_000);
  });

  it('E10: does not wait for a pipe in place of config.yaml or caFile', async () => {
    const folder = join(testEnv.folder, 'config', 'iam-tokend');
    execFileSync('mkfifo', [join(folder, 'ca.pem')]);
    writeFileSync(join(folder, 'config.yaml'), `network: { caFile: ${join(folder, 'ca.pem')} }\n`);
    const { code, stderr } = await testEnv.iamTokend(['--store', 'memory']);
    assert.equal(code, 2);
    assert.match(stderr, /network\.caFile: .*contains no PEM certificate/);
    rmSync(join(folder, 'config.yaml'));
    execFileSync('mkfifo', [join(folder, 'config.yaml')]);
    await testEnv.startDaemon();
    assert.equal((await testEnv.iamToken(['profiles'])).code, 0);
  });

  it('replaces a daemon that was killed', async () => {
    await testEnv.startDaemon();
    await testEnv.stopDaemon('SIGKILL');
    await testEnv.startDaemon();
    assert.equal((await testEnv.iamToken(['profiles'])).code, 0);
  });

  it('reports all six violations of a configuration file, with their lines', async () => {
    const configPath = join(testEnv.folder, 'config', 'iam-tokend', 'config.yaml');
    writeFileSync(
      configPath,
      'store: drawer\nlog: { level: loud }\nrefresh:\n  schedule: "61 * * * *"\niam:\n  timeout: soon\nnetwork: { caFile: /nowhere/ca.pem }\ncolour: red\n',
    );
    const { stderr, code } = await testEnv.iamTokend([]);
    assert.equal(code, 2);
    const lines = stderr.trim().split('\n');
    assert.equal(lines.length, 6);
    assert.deepEqual(
      lines.map((line) => new RegExp(`^iam-tokend: error: ${configPath}:(\\d+): `).exec(line)?.[1]),
      ['1', '2', '4', '6', '7', '8'],
    );
  });

  it('warns once of a schedule with a gap longer than the lifetime of a token', async () => {
    const configPath = join(testEnv.folder, 'config', 'iam-tokend', 'config.yaml');
    writeFileSync(configPath, 'refresh: { schedule: "0 9 * * *" }\n');
    await testEnv.startDaemon();
    await waitUntil(() => testEnv.readLog().includes('read the store'), 'it has started');
    assert.equal(testEnv.readLog().split('leaves more than 12 hours between two renewals').length - 1, 1);
  });

  it('rejects a caFile without certificates', async () => {
    const configPath = join(testEnv.folder, 'config', 'iam-tokend', 'config.yaml');
    writeFileSync(configPath, `network: { caFile: ${configPath} }\n`);
    const { stderr, code } = await testEnv.iamTokend([]);
    assert.equal(code, 2);
    assert.equal(
      stderr,
      `iam-tokend: error: ${configPath}:1: network.caFile: "${configPath}" contains no PEM certificate\n`,
    );
  });

  it('reports why it cannot create its configuration folder, and so does doctor', async () => {
    const config = join(testEnv.folder, 'config');
    rmSync(config, { recursive: true });
    writeFileSync(config, '');
    const { stderr, code } = await testEnv.iamTokend([]);
    const folder = join(config, 'iam-tokend');
    assert.deepEqual(
      [stderr, code],
      [
        `iam-tokend: error: cannot create the configuration folder ${folder}: a part of the path is not a folder\n` +
          `iam-tokend: hint: ls -ld '${config}'\n`,
        1,
      ],
    );
    const { stdout } = await testEnv.iamToken(['doctor']);
    assert.match(stdout, /configuration .*cannot read .*config\.yaml: a part of the path is not a folder\n/);
  });

  it('ignores an empty IAM_TOKEND_SOCKET, as the client does', async () => {
    await testEnv.startDaemon([], { IAM_TOKEND_SOCKET: '' });
    assert.equal((await testEnv.iamToken(['profiles'])).code, 0);
  });

  it('reports an unknown option', async () => {
    const { stderr, code } = await testEnv.iamTokend(['--colour', 'red']);
    assert.equal(code, 2);
    assert.match(stderr, /^iam-tokend: error: unknown option "--colour"; see iam-tokend --help\n$/);
  });
});
