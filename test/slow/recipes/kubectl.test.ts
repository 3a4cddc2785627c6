import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import { root } from '../../conventions/source-tree.ts';
import { readBlocks, readCommandBlocks } from '../../support/documents.ts';
import { closeServer, listenOnLoopback } from '../../support/network/loopback.ts';
import { tlsCertificate, tlsKey } from '../../support/network/tls-certificate.ts';
import { type ProcessResult, waitForExit } from '../../support/processes/process-result.ts';
import { clientBundle } from '../../support/processes/run-cli.ts';
import { oauthToken, type TestEnvironment, startTestEnvironment } from '../../support/test-environment.ts';

const packagesFolder = join(root, 'test/slow/kubectl/node_modules');
const [setCredentials = ''] = readCommandBlocks('kubectl');
const [usersYaml = ''] = readBlocks('kubectl', 'yaml');
const userName = 'yc-managed-k8s-cat1';

/** What yc writes, with the part that a recipe replaces. */
const ycPlugin = {
  apiVersion: 'client.authentication.k8s.io/v1beta1',
  command: '/nowhere/yc',
  args: ['k8s', 'create-token', '--profile=default'],
  env: null,
  provideClusterInfo: false,
};
const v1Plugin = {
  apiVersion: 'client.authentication.k8s.io/v1',
  command: 'iam-token',
  args: ['kubernetes-credential'],
  interactiveMode: 'Never',
};

describe('B10: recipe for kubectl', function () {
  let testEnv: TestEnvironment;
  let cluster: Server;
  let port: number;
  const bearers: (string | undefined)[] = [];

  before(async () => {
    testEnv = await startTestEnvironment({ store: 'memory' });
    await testEnv.startDaemon();
    await testEnv.iamToken(['login', '--stdin'], oauthToken);
    writeFileSync(join(testEnv.folder, 'ca.pem'), tlsCertificate);
    cluster = createServer({ key: tlsKey, cert: tlsCertificate }, (request, response) => {
      bearers.push(request.headers.authorization);
      response.setHeader('content-type', 'application/json');
      response.end('{"kind":"APIVersions","versions":["v1"]}');
    });
    port = await listenOnLoopback(cluster);
  });
  after(async () => {
    await closeServer(cluster);
    await testEnv?.stop();
  });

  /** A folder with `iam-token` and this kubectl. */
  function createBin(name: string): string {
    const bin = join(testEnv.folder, `bin-${name}`);
    if (existsSync(bin)) return bin;
    mkdirSync(bin);
    symlinkSync(clientBundle, join(bin, 'iam-token'));
    const archive = join(packagesFolder, '@aws-cdk', name, 'lib/layer.zip');
    if (name === 'installed') return bin;
    const script =
      'import sys, zipfile; sys.stdout.buffer.write(zipfile.ZipFile(sys.argv[1]).read("kubectl/kubectl"))';
    const program = execFileSync('python3', ['-c', script, archive], { maxBuffer: 200_000_000 });
    writeFileSync(join(bin, 'kubectl'), program);
    chmodSync(join(bin, 'kubectl'), 0o755);
    return bin;
  }

  async function run(kubectl: string, commands: string): Promise<string> {
    const env = {
      ...testEnv.environment,
      PATH: `${createBin(kubectl)}:${testEnv.environment['PATH']}`,
      KUBECONFIG: join(testEnv.folder, 'kubeconfig'),
    };
    const shell = spawn('bash', ['-e', '-o', 'pipefail', '-c', commands], { env });
    const { code, stdout, stderr }: ProcessResult = await waitForExit(shell);
    assert.equal(code, 0, stderr);
    return stdout;
  }

  function writeKubeconfig(user: unknown): void {
    const server = `https://localhost:${port}`;
    const configuration = {
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [{ name: 'c', cluster: { server, 'certificate-authority': join(testEnv.folder, 'ca.pem') } }],
      users: [user],
      contexts: [{ name: 'x', context: { cluster: 'c', user: userName } }],
      'current-context': 'x',
    };
    writeFileSync(join(testEnv.folder, 'kubeconfig'), stringify(configuration));
  }

  async function expectNewestToken(kubectl: string): Promise<void> {
    for (let round = 0; round < 2; round += 1) {
      bearers.length = 0;
      await run(kubectl, 'kubectl get --raw /api');
      const token = (await testEnv.iamToken()).stdout.trim();
      assert.deepEqual([...new Set(bearers)], [`Bearer ${token}`]);
      await testEnv.iamToken(['refresh']);
    }
  }

  const { dependencies } = JSON.parse(readFileSync(join(packagesFolder, '../package.json'), 'utf8')) as {
    readonly dependencies: Readonly<Record<string, string>>;
  };
  const packages = Object.keys(dependencies).map((name) => name.replace('@aws-cdk/', ''));
  for (const kubectl of ['installed', ...packages]) {
    it(`holds for ${kubectl.replace(/.*-v/, '1.')}`, async () => {
      writeKubeconfig({ name: userName, user: { exec: ycPlugin } });
      await run(kubectl, setCredentials);
      await expectNewestToken(kubectl);
      const { users } = parse(usersYaml) as { readonly users: readonly object[] };
      writeKubeconfig({ ...users[0], name: userName });
      await expectNewestToken(kubectl);
      const version = await run(kubectl, 'kubectl version --client --output=json');
      if (Number(/"minor": "(\d+)/.exec(version)?.[1]) < 22) return;
      writeKubeconfig({ name: userName, user: { exec: v1Plugin } });
      await expectNewestToken(kubectl);
    });
  }
});
