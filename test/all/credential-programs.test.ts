import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import { delimiter, join } from 'node:path';
import { listen, shut } from '../support/loopback.ts';
import { bundle } from '../support/run-cli.ts';
import { oauthToken, type RunningHouse, startHouse } from '../support/running-house.ts';
import { tlsCertificate, tlsKey } from '../support/tls-fixture.ts';

/** Programs as Debian has them, which ask for a credential by a protocol of their own. */
describe('what asks iam-token for a credential', function () {
  this.timeout(60_000);
  let house: RunningHouse;

  before(async () => {
    house = await startHouse({ store: 'memory' });
    await house.startDaemon();
    await house.iamToken(['login', '--stdin'], oauthToken);
    mkdirSync(join(house.folder, 'bin'));
    const program = join(house.folder, 'bin/iam-token');
    writeFileSync(program, `#!/bin/sh\nexec '${process.execPath}' '${bundle}' "$@"\n`);
    chmodSync(program, 0o755);
  });
  after(() => house?.stop());

  /** What it prints; `null` where there is no such program. */
  function output(...[program = '', ...args]: readonly string[]): Promise<string | null> {
    const path = [join(house.folder, 'bin'), process.env['PATH']].join(delimiter);
    return new Promise((resolve, reject) => {
      execFile(program, args, { env: { ...house.environment, PATH: path } }, (error, stdout, stderr) => {
        if (error?.code === 'ENOENT') resolve(null);
        else if (error === null) resolve(stdout);
        else reject(new Error(stderr, { cause: error }));
      });
    });
  }

  // The release of kubectl that has each, 1.N; Debian 12 has 1.20.
  for (const [version, since] of [
    ['v1', 22],
    ['v1beta1', 11],
  ] as const) {
    it(`is kubectl, by ${version} of its exec plugins, and has the new token after a rotation`, async function () {
      const client = await output('kubectl', 'version', '--client', '--output=json');
      if (client === null || minorOf(client) < since) this.skip();
      const bearers: (string | undefined)[] = [];
      const cluster: Server = createServer({ key: tlsKey, cert: tlsCertificate }, (request, response) => {
        bearers.push(request.headers.authorization);
        response.setHeader('content-type', 'application/json');
        response.end('{"kind":"APIVersions","versions":["v1"]}');
      });
      const port = await listen(cluster);
      const authority = join(house.folder, 'ca.pem');
      writeFileSync(authority, tlsCertificate);
      const exec = { apiVersion: `client.authentication.k8s.io/${version}`, command: 'iam-token' };
      const configuration = {
        clusters: [
          { name: 'c', cluster: { server: `https://localhost:${port}`, 'certificate-authority': authority } },
        ],
        users: [
          {
            name: 'yc',
            user: { exec: { ...exec, args: ['kubernetes-credential'], interactiveMode: 'Never' } },
          },
        ],
        contexts: [{ name: 'x', context: { cluster: 'c', user: 'yc' } }],
        'current-context': 'x',
      };
      const file = join(house.folder, version);
      writeFileSync(file, JSON.stringify(configuration));
      try {
        const tokens: string[] = [];
        for (let times = 0; times < 2; times += 1) {
          tokens.push(`Bearer ${(await house.iamToken()).stdout.trim()}`);
          await output('kubectl', '--kubeconfig', file, 'get', '--raw', '/api');
          await house.iamToken(['refresh']);
        }
        assert.deepEqual([...new Set(bearers)], tokens);
        assert.notEqual(tokens[0], tokens[1]);
      } finally {
        await shut(cluster);
      }
    });
  }

  it("is botocore, on which AWS's command line and boto3 stand", async function () {
    mkdirSync(join(house.folder, '.aws'), { recursive: true });
    writeFileSync(
      join(house.folder, '.aws/config'),
      '[profile yc]\ncredential_process = iam-token aws-credential-process\n',
    );
    const script = `
try: import botocore.session
except ImportError: print("none"); raise SystemExit
print(*botocore.session.Session(profile="yc").get_credentials().get_frozen_credentials()[:3])`;
    const said = await output('python3', '-c', script);
    if (said === null || said === 'none\n') this.skip();
    assert.match(said, /^YCE\S+ YCM\S+ s1\.\S+\n$/);
  });
});

function minorOf(client: string): number {
  return Number.parseInt(/"minor": "(\d+)/.exec(client)?.[1] ?? '0', 10);
}
