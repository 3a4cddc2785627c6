import assert from 'node:assert/strict';
import { existsSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { join } from 'node:path';
import { formatIsoTime } from '../../../src/shared/clock.ts';
import { useHttpServers } from '../../support/network/http-client-fixture.ts';
import { tlsCertificate, tlsKey } from '../../support/network/tls-certificate.ts';
import { findProcesses, readProcFile } from '../../support/processes/process-table.ts';
import { oauthToken, startTestEnvironment, type TestEnvironment } from '../../support/test-environment.ts';
import { createRealClock } from '../../support/time/real-clock.ts';
import { waitUntil } from '../../support/wait-until.ts';

describe('the environment of the daemon', () => {
  const servers = useHttpServers();
  let testEnv: TestEnvironment;
  afterEach(async () => testEnv?.stop());

  /** A server that issues a token to any credential, with a certificate that nothing trusts. */
  async function startFakeIam(): Promise<string> {
    const expiresAt = formatIsoTime(createRealClock().now().wallMs + 12 * 3_600_000);
    const token = { iamToken: `t1.${'a'.repeat(40)}`, expiresAt };
    const server = createServer({ key: tlsKey, cert: tlsCertificate }, (_request, response) => {
      response.setHeader('content-type', 'application/json').end(JSON.stringify(token));
    });
    return `https://localhost:${await servers.listen(server)}`;
  }

  it('A1: does not turn off the verification of certificates, and is named by status and doctor', async () => {
    testEnv = await startTestEnvironment({ store: 'memory' });
    const endpoint = await startFakeIam();
    const authority = join(testEnv.folder, 'authority.pem');
    const keyLog = join(testEnv.folder, 'keys');
    writeFileSync(authority, tlsCertificate);
    await testEnv.startDaemon([], {
      IAM_TOKEND_IAM_ENDPOINT: endpoint,
      NODE_TLS_REJECT_UNAUTHORIZED: '0',
      NODE_OPTIONS: `--use-openssl-ca --tls-keylog=${keyLog}`,
      SSL_CERT_FILE: authority,
      SSLKEYLOGFILE: keyLog,
    });
    const { code, stderr } = await testEnv.iamToken(['login', '--stdin', '--endpoint', endpoint], oauthToken);
    assert.equal(code, 5);
    assert.match(stderr, /the certificate of localhost:\d+ is not trusted/);
    assert.equal(existsSync(keyLog), false);
    const names = ['NODE_TLS_REJECT_UNAUTHORIZED', 'SSL_CERT_FILE', 'SSLKEYLOGFILE', 'NODE_OPTIONS'];
    const { stdout } = await testEnv.iamToken(['status', '--json']);
    const { daemon } = JSON.parse(stdout) as { daemon: { unsafeEnvironment: string[] } };
    assert.deepEqual(daemon.unsafeEnvironment, names);
    const doctor = await testEnv.iamToken(['doctor']);
    for (const name of names) {
      assert.match(doctor.stdout, new RegExp(`environment +the daemon was started with .*${name}`));
      assert.match(testEnv.readLog(), new RegExp(`${name} (is ignored|was set when the daemon started)`));
    }
  });

  it('A1: trusts the certificates of NODE_EXTRA_CA_CERTS', async () => {
    testEnv = await startTestEnvironment({ store: 'memory' });
    const endpoint = await startFakeIam();
    const authority = join(testEnv.folder, 'authority.pem');
    writeFileSync(authority, tlsCertificate);
    await testEnv.startDaemon([], { IAM_TOKEND_IAM_ENDPOINT: endpoint, NODE_EXTRA_CA_CERTS: authority });
    const { code, stderr } = await testEnv.iamToken(['login', '--stdin', '--endpoint', endpoint], oauthToken);
    assert.deepEqual({ code, stderr }, { code: 0, stderr });
    assert.match((await testEnv.iamToken()).stdout, /^t1\.a+\n$/);
  });

  it('A1: is not that of the keychain helper', async () => {
    testEnv = await startTestEnvironment({ store: 'memory' });
    const pid = await testEnv.startDaemon(['--store', 'keychain'], {
      OPENSSL_CONF: '/dev/null',
      SECRET_BACKEND: 'file',
      NODE_OPTIONS: '--no-deprecation --tls-min-v1.0',
    });
    assert.equal((await testEnv.iamToken(['status'])).code, 0);
    await waitUntil(() => findProcesses('keychain-helper', pid).length === 1, 'the helper runs');
    const [helper = 0] = findProcesses('keychain-helper', pid);
    const environment = readProcFile(helper, 'environ');
    assert.match(environment, /XDG_RUNTIME_DIR=/);
    assert.doesNotMatch(environment, /OPENSSL_CONF|SECRET_BACKEND|NODE_OPTIONS/);
  });
});
