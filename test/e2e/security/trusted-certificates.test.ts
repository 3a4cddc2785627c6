import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { connect, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer } from 'node:tls';
import { type ConnectProxy, startConnectProxy } from '../../support/network/connect-proxy.ts';
import { type Authority, foreignAuthority, ownAuthority } from '../../support/network/example-authorities.ts';
import { canRunAsOtherUser, otherUid } from '../../support/processes/other-user.ts';
import { oauthToken, startTestEnvironment, type TestEnvironment } from '../../support/test-environment.ts';
import { waitUntil } from '../../support/wait-until.ts';

const endpoint = 'https://iam.example.net';

/** A proxy to the emulator that ends TLS with a certificate for IAM, so it sees what it forwards. */
interface Interceptor extends Omit<ConnectProxy, 'hosts'> {
  readonly seen: () => string;
}

async function startInterceptor({ certificate, key }: Authority, iamUrl: string): Promise<Interceptor> {
  let seen = '';
  const server = createServer({ cert: certificate, key }, (socket) => {
    const upstream = connect(Number(new URL(iamUrl).port), '127.0.0.1');
    socket.on('data', (chunk: Buffer) => (seen += chunk.toString('latin1')));
    socket.pipe(upstream).pipe(socket);
    for (const end of [socket, upstream]) {
      end.on('error', () => {
        socket.destroy();
        upstream.destroy();
      });
    }
  });
  server.on('tlsClientError', () => undefined);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const proxy = await startConnectProxy((server.address() as AddressInfo).port);
  return {
    url: proxy.url,
    seen: () => seen,
    close: async () => {
      await proxy.close();
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
      });
    },
  };
}

describe('a credential and the certificates that it trusts', () => {
  let testEnv: TestEnvironment;
  let ownProxy: Interceptor;
  let foreignProxy: Interceptor;
  let pid = 0;

  const caFile = (): string => join(testEnv.folder, 'ca.pem');
  const foreignCaFile = (): string => join(testEnv.folder, 'foreign.pem');
  const writeConfig = (proxy: string, ca: string | null): void =>
    writeFileSync(
      join(testEnv.folder, 'config/iam-tokend/config.yaml'),
      `file: { key-file: ${join(testEnv.folder, 'key')} }\nnetwork: { proxy: "${proxy}"${ca === null ? '' : `, caFile: ${ca}`} }\n`,
    );
  const start = async (env: Readonly<Record<string, string>> = {}): Promise<void> => {
    pid = await testEnv.startDaemon([], env);
  };
  const reload = async (): Promise<void> => {
    const countReloads = (): number => testEnv.readLog().split('reloaded the configuration').length;
    const before = countReloads();
    process.kill(pid, 'SIGHUP');
    await waitUntil(() => countReloads() > before, 'the configuration is reloaded');
  };
  const login = async (): Promise<void> => {
    const { code, stderr } = await testEnv.iamToken(['login', '--stdin', '--endpoint', endpoint], oauthToken);
    assert.equal(code, 0, stderr);
  };
  const refreshCode = async (): Promise<number | null> => (await testEnv.iamToken(['refresh'])).code;

  async function assertRejected(message: RegExp): Promise<void> {
    const { code, stderr } = await testEnv.iamToken(['refresh']);
    assert.match(stderr, message);
    assert.match(stderr, /hint: iam-token login --oauth/);
    assert.equal(code, 4);
    assert.equal((await testEnv.iamToken()).code, 4);
    assert.match((await testEnv.iamToken(['status'])).stdout, message);
    assert.equal(foreignProxy.seen(), '');
  }

  beforeEach(async () => {
    testEnv = await startTestEnvironment({ store: 'file', logLevel: 'info' });
    ownProxy = await startInterceptor(ownAuthority, testEnv.emulator.url);
    foreignProxy = await startInterceptor(foreignAuthority, testEnv.emulator.url);
    writeFileSync(caFile(), ownAuthority.certificate);
    writeFileSync(foreignCaFile(), foreignAuthority.certificate);
    writeConfig(ownProxy.url, caFile());
  });
  afterEach(async () => {
    await testEnv.stop();
    await ownProxy.close();
    await foreignProxy.close();
  });

  it('D5: is not sent to a proxy whose authority was added after the login, also after a restart', async () => {
    await start();
    await login();
    assert.match(ownProxy.seen(), /yandexPassportOauthToken/);
    writeConfig(foreignProxy.url, foreignCaFile());
    await reload();
    await assertRejected(/\S+foreign\.pem was not trusted at the login/);
    await testEnv.stopDaemon();
    await start();
    await assertRejected(/\S+foreign\.pem was not trusted at the login/);
    // The hint works.
    await login();
    assert.match(foreignProxy.seen(), /yandexPassportOauthToken/);
    assert.equal(await refreshCode(), 0);
  });

  it('D5: is not sent after the file was replaced in place, without a reload', async () => {
    await start();
    await login();
    writeConfig(foreignProxy.url, caFile());
    writeFileSync(caFile(), foreignAuthority.certificate);
    await assertRejected(/\S+ca\.pem has changed since the login/);
    await reload();
    await assertRejected(/\S+ca\.pem has changed since the login/);
    writeFileSync(caFile(), ownAuthority.certificate);
    writeConfig(ownProxy.url, caFile());
    await reload();
    assert.equal(await refreshCode(), 0);
  });

  it('E8: is sent with the certificates of a replaced file that only root can write to, without a reload', async function () {
    if (!canRunAsOtherUser()) this.skip();
    await testEnv.stop();
    testEnv = await startTestEnvironment({ store: 'file', logLevel: 'info', uid: otherUid });
    await ownProxy.close();
    ownProxy = await startInterceptor(ownAuthority, testEnv.emulator.url);
    const rootFolder = mkdtempSync(join(tmpdir(), 'iam-tokend-root-'));
    try {
      chmodSync(rootFolder, 0o755);
      const file = join(rootFolder, 'ca.pem');
      writeFileSync(file, ownAuthority.certificate);
      writeConfig(ownProxy.url, file);
      await start();
      await login();
      const replaceFile = (text: string): void => {
        writeFileSync(`${file}.new`, text);
        renameSync(`${file}.new`, file);
      };
      replaceFile(foreignAuthority.certificate);
      assert.equal(await refreshCode(), 5);
      assert.equal((await testEnv.iamToken()).code, 0, 'the token that it has is still served');
      replaceFile(ownAuthority.certificate);
      assert.equal(await refreshCode(), 0);
      assert.doesNotMatch(testEnv.readLog(), /reloaded the configuration/);
    } finally {
      rmSync(rootFolder, { recursive: true });
    }
  });

  it('D5: is not sent after the file was removed from the configuration', async () => {
    await start();
    await login();
    writeConfig(ownProxy.url, null);
    await reload();
    await assertRejected(/\S+ca\.pem was trusted at the login and is no longer configured/);
  });

  it('D5: is not sent to a proxy whose authority is in NODE_EXTRA_CA_CERTS', async () => {
    await start();
    await login();
    await testEnv.stopDaemon();
    writeConfig(foreignProxy.url, caFile());
    await start({ NODE_EXTRA_CA_CERTS: foreignCaFile() });
    await assertRejected(/\S+foreign\.pem was not trusted at the login/);
  });

  it('D5: is sent through another proxy, which sees ciphertext only', async () => {
    await start();
    await login();
    const otherProxy = await startInterceptor(ownAuthority, testEnv.emulator.url);
    writeConfig(otherProxy.url, caFile());
    await reload();
    assert.equal(await refreshCode(), 0);
    writeConfig(foreignProxy.url, caFile());
    await reload();
    assert.equal(await refreshCode(), 5);
    assert.equal(foreignProxy.seen(), '');
    await otherProxy.close();
  });
});
