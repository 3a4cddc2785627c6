import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readBlocks, readCommandBlocks } from '../../support/documents.ts';
import { cloudAuthority } from '../../support/network/cloud-authority.ts';
import { startConnectProxy } from '../../support/network/connect-proxy.ts';
import { startRegistry } from '../../support/network/registry.ts';
import { startHttpService, type TokenService } from '../../support/network/token-services.ts';
import { clientBundle } from '../../support/processes/run-cli.ts';
import { waitForExit } from '../../support/processes/process-result.ts';
import { oauthToken, type TestEnvironment, startTestEnvironment } from '../../support/test-environment.ts';

/** Runs recipes as they stand: a local server behind a proxy answers for the hosts of Yandex Cloud. */
describe('B10: recipes for other programs', () => {
  let testEnv: TestEnvironment;
  let token: string;
  const isTokenValid = (candidate: string): boolean => candidate === token;

  before(async () => {
    testEnv = await startTestEnvironment({ store: 'memory' });
    await testEnv.startDaemon();
    await testEnv.iamToken(['login', '--stdin'], oauthToken);
    token = (await testEnv.iamToken()).stdout.trim();
    for (const folder of ['bin', '.docker']) mkdirSync(join(testEnv.folder, folder));
    symlinkSync(clientBundle, join(testEnv.folder, 'bin/iam-token'));
    writeProgram('docker-credential-iam-token', 'exec iam-token docker-credential "$@"');
    writeFileSync(join(testEnv.folder, 'ca.pem'), cloudAuthority.certificate);
    const [dockerConfig = ''] = readBlocks('docker, podman and skopeo', 'json');
    writeFileSync(join(testEnv.folder, '.docker/config.json'), dockerConfig);
  });
  after(() => testEnv?.stop());

  function writeProgram(name: string, commands: string): void {
    writeFileSync(join(testEnv.folder, 'bin', name), `#!/bin/sh\n${commands}\n`);
    chmodSync(join(testEnv.folder, 'bin', name), 0o755);
  }

  /** @param service answers all requests; closed at the end */
  async function run(commands: string, service: TokenService | null = null, shell = 'bash'): Promise<string> {
    const proxy = service === null ? null : await startConnectProxy(service.port);
    try {
      const ca = join(testEnv.folder, 'ca.pem');
      const env = {
        ...testEnv.environment,
        PATH: `${join(testEnv.folder, 'bin')}:/usr/bin:/bin:${testEnv.environment['PATH']}`,
        ...(proxy === null ? {} : { HTTPS_PROXY: proxy.url, SSL_CERT_FILE: ca, CURL_CA_BUNDLE: ca }),
      };
      const child = spawn(shell, ['-c', commands], { cwd: testEnv.folder, env });
      const { code, stdout, stderr } = await waitForExit(child);
      assert.equal(code, 0, stderr + stdout);
      if (service !== null) {
        assert.deepEqual(service.acceptedTokens, [token]);
        assert.deepEqual(service.rejectedTokens, []);
      }
      return stdout;
    } finally {
      await proxy?.close();
      await service?.close();
    }
  }

  const startApi = (): Promise<TokenService> =>
    startHttpService({
      isTokenValid,
      tls: cloudAuthority,
      respond: () => ({ type: 'application/json', body: '{"clouds":[]}' }),
    });

  it('curl reads the header from stdin or from a process substitution', async () => {
    const [command = ''] = readCommandBlocks('curl');
    assert.equal(await run(command, await startApi()), '{"clouds":[]}');
    const url = 'https://resource-manager.api.cloud.yandex.net/resource-manager/v1/clouds';
    assert.equal(
      await run(`curl -sS -H @<(iam-token --format header) ${url}`, await startApi()),
      '{"clouds":[]}',
    );
  });

  for (const shell of ['sh', 'bash', 'zsh', 'fish']) {
    it(`${shell} sets the variables`, async () => {
      const [commands = ''] = readCommandBlocks('Shells and scripts');
      const line = commands.split('\n').find((text) => text.includes('fish') === (shell === 'fish')) ?? '';
      const stdout = await run(`${line.replace(/ +#.*/, '')}\necho "$YC_TOKEN $IAM_TOKEN"`, null, shell);
      assert.equal(stdout, `${token} ${token}\n`);
    });
  }

  it('ansible-playbook sends the token of its environment, or of a pipe lookup', async () => {
    const [playbook = ''] = readBlocks('Ansible', 'yaml');
    const [command = ''] = readCommandBlocks('Ansible');
    const pipeLookup = playbook.replace("lookup('env', 'YC_TOKEN')", "lookup('pipe', 'iam-token')");
    assert.notEqual(pipeLookup, playbook);
    for (const text of [playbook, pipeLookup]) {
      writeFileSync(join(testEnv.folder, 'site.yaml'), text);
      assert.match(await run(command, await startApi()), /ok=2 .* failed=0/);
    }
  });

  const image = 'registry.yandexcloud.net/crp1/app';
  const storage = '--root "$PWD/storage" --runroot "$PWD/run-storage" --storage-driver vfs';
  for (const [program, command, output] of [
    ['skopeo', `skopeo list-tags docker://${image}`, /"latest"/],
    ['podman', `podman ${storage} pull ${image} && podman ${storage} rmi ${image}`, /Untagged: .*app:latest/],
    [
      'buildah',
      `buildah ${storage} pull ${image} && buildah ${storage} rmi ${image}`,
      /untagged: .*app:latest/,
    ],
  ] as const) {
    it(`${program} gets the token from the helper in ~/.docker/config.json`, async () => {
      assert.match(await run(command, await startRegistry(cloudAuthority, isTokenValid)), output);
    });
  }

  for (const [heading, program, variable] of [
    ['Terraform and OpenTofu', 'terraform', 'YC_TOKEN'],
    ['Packer', 'packer', 'YC_TOKEN'],
    ['AI Studio with the openai package', 'python3', 'OPENAI_API_KEY'],
  ] as const) {
    it(`${program} would get the token in ${variable}`, async () => {
      const [line = ''] =
        readCommandBlocks(heading)
          .join('')
          .match(/^iam-token exec .*/m) ?? [];
      writeProgram(program, `echo "$${variable} $*"`);
      assert.match(await run(line), new RegExp(`^${token} (?:apply|build \\.|chat\\.py)\n$`));
    });
  }
});
