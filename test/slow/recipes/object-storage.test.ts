import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readBlocks, readCommandBlocks } from '../../support/documents.ts';
import { type ConnectProxy, startConnectProxy } from '../../support/network/connect-proxy.ts';
import { clientBundle } from '../../support/processes/run-cli.ts';
import { type ProcessResult, waitForExit } from '../../support/processes/process-result.ts';
import { type S3Server, startS3Server } from '../../support/s3/s3-server.ts';
import { cloudAuthority } from '../../support/network/cloud-authority.ts';
import { oauthToken, type TestEnvironment, startTestEnvironment } from '../../support/test-environment.ts';

interface AwsKeys {
  readonly AccessKeyId: string;
  readonly SecretAccessKey: string;
  readonly SessionToken: string;
}

/** Runs the recipes as they stand, with Debian's programs: storage.yandexcloud.net is a local server behind a proxy. */
describe('B3: recipes for Object Storage', () => {
  let testEnv: TestEnvironment;
  let s3: S3Server;
  let proxy: ConnectProxy;
  let keys: AwsKeys;

  before(async () => {
    testEnv = await startTestEnvironment({ store: 'memory' });
    await testEnv.startDaemon();
    await testEnv.iamToken(['login', '--stdin'], oauthToken);
    keys = JSON.parse((await testEnv.iamToken(['aws-credential-process'])).stdout) as AwsKeys;
    for (const folder of ['bin', '.aws']) mkdirSync(join(testEnv.folder, folder));
    symlinkSync(clientBundle, join(testEnv.folder, 'bin/iam-token'));
    writeFileSync(join(testEnv.folder, 'ca.pem'), cloudAuthority.certificate);
    writeFileSync(join(testEnv.folder, '.aws/credentials'), readBlocks('AWS tools', 'ini')[0] ?? '');
  });
  after(() => testEnv?.stop());

  beforeEach(async () => {
    s3 = await startS3Server({
      host: 'storage.yandexcloud.net',
      authority: cloudAuthority,
      findSecret: (id, sessionToken) =>
        id === keys.AccessKeyId && sessionToken === keys.SessionToken ? keys.SecretAccessKey : undefined,
    });
    s3.objects.set('BUCKET/hello.txt', Buffer.from('hello'));
    proxy = await startConnectProxy(s3.port);
  });
  afterEach(async () => {
    await proxy.close();
    await s3.close();
  });

  /** Runs commands with the system's programs, which may ask storage.yandexcloud.net alone. */
  async function run(commands: string, extraEnvironment: NodeJS.ProcessEnv = {}): Promise<string> {
    const env = {
      ...testEnv.environment,
      // Debian's programs, before those of a user.
      PATH: `${join(testEnv.folder, 'bin')}:/usr/bin:/bin:${process.env['PATH']}`,
      HTTPS_PROXY: proxy.url,
      ...extraEnvironment,
    };
    const shell = spawn('bash', ['-e', '-o', 'pipefail', '-c', commands], { cwd: testEnv.folder, env });
    const { code, stdout, stderr }: ProcessResult = await waitForExit(shell);
    assert.equal(code, 0, `${stderr}\n${s3.log.join('\n')}`);
    assert.deepEqual(
      [...proxy.hosts].filter((host) => !/^(?:[\w-]+\.)?storage\.yandexcloud\.net:443$/i.test(host)),
      [],
    );
    return stdout;
  }
  const caPath = (): string => join(testEnv.folder, 'ca.pem');
  const commandsOf = (heading: string): string => readCommandBlocks(heading).join('');

  it('work for aws', async () => {
    const stdout = await run(commandsOf('aws'), { AWS_CA_BUNDLE: caPath() });
    assert.match(stdout, / 5 hello\.txt\n$/);
    assert.deepEqual(s3.log, ['GET /BUCKET 200']);
  });

  it('work for boto3', async () => {
    const [script = ''] = readBlocks('boto3', 'python');
    const use = "print(s3.get_object(Bucket='BUCKET', Key='hello.txt')['Body'].read().decode())";
    const stdout = await run(`/usr/bin/python3 -c '${`${script}${use}`.replaceAll("'", String.raw`'\''`)}'`, {
      AWS_CA_BUNDLE: caPath(),
    });
    assert.equal(stdout, 'hello\n');
  });

  it('work for rclone', async () => {
    const stdout = await run(commandsOf('rclone'), { SSL_CERT_FILE: caPath() });
    assert.equal(stdout, '        5 hello.txt\n');
  });

  it('work for restic', async () => {
    writeFileSync(join(testEnv.folder, 'FILE'), 'text');
    await run(`${commandsOf('restic')}restic check`, { SSL_CERT_FILE: caPath(), RESTIC_PASSWORD: 'secret' });
    assert.ok([...s3.objects.keys()].some((path) => path.startsWith('BUCKET/backup/snapshots/')));
  });

  it('work for s3cmd', async () => {
    // s3cmd takes the proxy from its configuration only.
    const options = { proxy_host: '127.0.0.1', proxy_port: new URL(proxy.url).port, ca_certs_file: caPath() };
    const lines = Object.entries(options).map(([name, value]) => `${name} = ${value}\n`);
    writeFileSync(join(testEnv.folder, 's3cfg'), `[default]\n${lines.join('')}`);
    const stdout = await run(commandsOf('s3cmd and other programs'), { S3CMD_CONFIG: 's3cfg' });
    assert.match(stdout, / 5 {2}s3:\/\/BUCKET\/hello\.txt\n$/);
  });

  it('work for the state of Terraform', async function () {
    const blocks = readBlocks('Terraform and OpenTofu', 'hcl');
    const backend = blocks.find((text) => text.startsWith('backend')) ?? assert.fail('no backend');
    writeFileSync(join(testEnv.folder, 'main.tf'), `terraform {\n${backend}}\noutput "x" { value = "y" }\n`);
    const environment = { AWS_CA_BUNDLE: caPath(), CHECKPOINT_DISABLE: '1' };
    // Not in Debian.
    if ((await run('command -v terraform || true')) === '') this.skip();
    await run('terraform init -no-color && terraform apply -auto-approve -no-color', environment);
    assert.match(s3.objects.get('my-state/terraform.tfstate')?.toString() ?? '', /"value": "y"/);
  });

  it('send nothing that the server accepts, with another secret', async () => {
    const environment = {
      AWS_CA_BUNDLE: caPath(),
      AWS_ACCESS_KEY_ID: keys.AccessKeyId,
      AWS_SECRET_ACCESS_KEY: `${keys.SecretAccessKey.slice(0, -1)}_`,
      AWS_SESSION_TOKEN: keys.SessionToken,
    };
    const commands = commandsOf('aws').replace('--profile yc', '');
    await assert.rejects(run(commands, environment), /SignatureDoesNotMatch/);
    assert.deepEqual(s3.log, ['GET /BUCKET SignatureDoesNotMatch']);
  });
});
