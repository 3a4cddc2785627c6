import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { root } from '../../conventions/source-tree.ts';
import { callDaemon } from '../../support/daemon/call-daemon.ts';
import { readCommandBlocks } from '../../support/documents.ts';
import { canRunAsOtherUser, otherUid } from '../../support/processes/other-user.ts';
import { type ProcessResult, waitForExit } from '../../support/processes/process-result.ts';
import { oauthToken, type TestEnvironment, startTestEnvironment } from '../../support/test-environment.ts';

const script = join(root, 'test/support/systems/rootless-podman.sh');
const [podmanCommand = ''] = readCommandBlocks('Containers');
const requestToken = (address: string): string =>
  'curl -sS --retry 20 --retry-connrefused --retry-delay 1 -H Metadata-Flavor:Google ' +
  `http://${address}/computeMetadata/v1/instance/service-accounts/default/token`;

describe('B10: recipe for podman without root', () => {
  let testEnv: TestEnvironment;

  /** Runs the command of the recipe with a program, and with the machine's /usr as the image. */
  function run(commands: string): Promise<ProcessResult> {
    const args = [script, testEnv.folder, String(otherUid), commands];
    return waitForExit(spawn('bash', args, { env: testEnv.environment }));
  }
  const runRecipe = (
    program: string,
    network = 'none',
    replaced = '',
    replacement = '',
  ): Promise<ProcessResult> => {
    const image = `--rm --network ${network} -v /usr:/usr:ro --rootfs "$HOME/rootfs"`;
    const command = podmanCommand.replace(' IMAGE ', ` ${image} `).replace('PROGRAM', program);
    return run(command.replace(replaced, replacement));
  };

  before(async function () {
    if (!canRunAsOtherUser()) this.skip();
    testEnv = await startTestEnvironment({
      store: 'memory',
      uid: otherUid,
      config: 'http: { socket: true }\nmetadata: { listen: 127.0.0.1:0 }\n',
    });
    await testEnv.startDaemon();
    await testEnv.iamToken(['login', '--stdin'], oauthToken);
    const probe = await run(
      'podman run --rm --network none -v /usr:/usr:ro --rootfs "$HOME/rootfs" echo ready',
    );
    if (probe.stdout !== 'ready\n') this.skip();
  });
  after(() => testEnv?.stop());

  async function expectToken({ stdout, stderr, code }: ProcessResult): Promise<void> {
    assert.equal(code, 0, stderr);
    const { access_token: token } = JSON.parse(stdout) as { readonly access_token: string };
    assert.equal(token, (await testEnv.iamToken()).stdout.trim());
  }

  it('serves the token at the metadata address of the container', async () => {
    await expectToken(await runRecipe(requestToken('127.0.0.1:8099')));
  });

  it('reaches the metadata address of the host with --network host', async () => {
    const { result } = await callDaemon(testEnv.socketPath, 'status', {});
    const address = result?.daemon.metadataAddress ?? assert.fail('the metadata address is not served');
    await expectToken(await runRecipe(requestToken(address), 'host'));
  });

  it('needs --userns=keep-id: another user of the container cannot open the folder', async () => {
    const program = 'ls /run/iam-tokend';
    const { stderr, code } = await runRecipe(program, 'none', '--userns=keep-id', '--user "$(id -u)"');
    assert.notEqual(code, 0);
    assert.match(stderr, /Permission denied/);
  });
});
