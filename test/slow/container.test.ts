import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { callDaemon } from '../support/daemon/call-daemon.ts';
import { type ProcessResult, waitForExit } from '../support/processes/process-result.ts';
import { oauthToken, type TestEnvironment, startTestEnvironment } from '../support/test-environment.ts';

const recipes = readFileSync(fileURLToPath(new URL('../../../RECIPES.md', import.meta.url)), 'utf8');

/** Runs shell commands in a new network namespace with only a loopback interface, like a container. */
function runInIsolatedNetwork(commands: string): Promise<ProcessResult> {
  return waitForExit(spawn('unshare', ['--net', 'sh', '-c', `ip link set lo up\n${commands}`]));
}

describe('network of a container', () => {
  let testEnv: TestEnvironment;

  before(async function () {
    const { stdout } = await runInIsolatedNetwork('socat -V && echo found').catch(() => ({ stdout: '' }));
    if (!stdout.includes('found')) this.skip();
    testEnv = await startTestEnvironment({
      store: 'memory',
      config: 'http: { socket: true }\nmetadata: { listen: 127.0.0.1:0 }\n',
    });
    await testEnv.startDaemon();
    await testEnv.iamToken(['login', '--stdin'], oauthToken);
  });
  after(() => testEnv?.stop());

  const curlCommand =
    'curl -sS --retry 20 --retry-connrefused --retry-delay 1 -H "Metadata-Flavor: Google" ' +
    'http://127.0.0.1:8099/computeMetadata/v1/instance/service-accounts/default/token';

  it('reaches the token through http.sock and socat, as in RECIPES.md', async () => {
    const socat = /^ +sh -c '(socat .*) & exec PROGRAM'$/m.exec(recipes)?.[1] ?? assert.fail('no recipe');
    const command = socat.replace('/run/iam-tokend', join(dirname(testEnv.socketPath), 'http'));
    assert.notEqual(command, socat);
    const { stdout, stderr } = await runInIsolatedNetwork(`${command} & ${curlCommand}; kill $!`);
    const token = (await testEnv.iamToken()).stdout.trim();
    assert.equal((JSON.parse(stdout) as { access_token: string }).access_token, token, stderr);
  });

  it('D1: reaches the token in bubblewrap with the mount of RECIPES.md, and no other file of the daemon', async function () {
    const mount =
      /-v "\$XDG_RUNTIME_DIR\/(\S+):(\/\S+):ro"/.exec(recipes) ?? assert.fail('no mount in the recipe');
    const [, source = '', target = ''] = mount;
    const socat = /^ +sh -c '(socat .*) & exec PROGRAM'$/m.exec(recipes)?.[1] ?? assert.fail('no recipe');
    const mounts = ['--dev-bind', '/', '/', '--tmpfs', '/run', '--tmpfs', '/tmp'];
    const folder = join(dirname(dirname(testEnv.socketPath)), source);
    const bubblewrap = ['bwrap', ...mounts, '--ro-bind', folder, target, '--unshare-all', 'sh', '-c'];
    const runInBubblewrap = (
      [program = '', ...args]: readonly string[],
      command: string,
    ): Promise<ProcessResult> => waitForExit(spawn(program, [...args, command]));
    const found = await runInBubblewrap(bubblewrap, 'echo found').catch(() => ({ stdout: '' }));
    if (found.stdout !== 'found\n') this.skip();
    const { stdout, stderr } = await runInBubblewrap(bubblewrap, `${socat} & ${curlCommand}; kill $!`);
    const token = (await testEnv.iamToken()).stdout.trim();
    assert.equal((JSON.parse(stdout) as { access_token: string }).access_token, token, stderr);
    const files = await runInBubblewrap(bubblewrap, 'find /run /tmp ! -type d');
    assert.equal(files.stdout, `${target}/http.sock\n`);
  });

  it('does not reach the metadata address', async () => {
    const { result } = await callDaemon(testEnv.socketPath, 'status', {});
    const address = result?.daemon.metadataAddress ?? assert.fail('the metadata address is not served');
    const { stderr } = await runInIsolatedNetwork(`curl -sS http://${address}/`);
    assert.match(stderr, /Failed to connect|Couldn't connect/);
  });
});
