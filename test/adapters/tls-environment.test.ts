import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { createServer, type ServerOptions } from 'node:https';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startConnectProxy } from '../support/network/connect-proxy.ts';
import { useHttpServers } from '../support/network/http-client-fixture.ts';
import { tlsCertificate, tlsKey } from '../support/network/tls-certificate.ts';
import { type ProcessResult, waitForExit } from '../support/processes/process-result.ts';
import { useTemporaryFolder } from '../support/temporary-folder.ts';

const moduleUrl = (path: string): string =>
  new URL(`../../src/${path}`, import.meta.url).href.replace(/ts$/, 'js');
/** Sends a request as the daemon, `doctor` and `live-check` do, and prints the response or the failure. */
const requestScript = `
const { createUndiciHttpClient } = await import('${moduleUrl('adapters/undici-http-client.ts')}');
const { createSystemClock } = await import('${moduleUrl('adapters/system-clock.ts')}');
const [url, proxy, certificates] = JSON.parse(process.argv[1]);
const client = createUndiciHttpClient({ proxy, noProxy: [], certificates }, createSystemClock());
const request = { method: 'GET', url, headers: {} };
console.log(await client.send(request, AbortSignal.timeout(10_000)).then(({ body }) => body, ({ message }) => message));
`;
const nodeOptions = process.allowedNodeEnvironmentFlags;

describe('a TLS connection', () => {
  const folder = useTemporaryFolder();
  const servers = useHttpServers();

  async function startServer(options: ServerOptions = {}): Promise<number> {
    const server = createServer({ key: tlsKey, cert: tlsCertificate, ...options }, (_request, response) => {
      response.end('safe');
    });
    return servers.listen(server);
  }

  function request(
    url: string,
    env: Readonly<Record<string, string>>,
    { proxy = null, certificates = [] }: { proxy?: string | null; certificates?: readonly string[] } = {},
  ): Promise<ProcessResult> {
    const args = ['--input-type=module', '--eval', requestScript, JSON.stringify([url, proxy, certificates])];
    return waitForExit(
      spawn(process.execPath, args, { env, cwd: fileURLToPath(new URL('.', import.meta.url)) }),
    );
  }

  /** Writes a file into the folder of the test. */
  function writeFile(name: string, text: string): string {
    const path = join(folder(), name);
    writeFileSync(path, text);
    return path;
  }

  const authorityFile = (): string => writeFile('authority.pem', tlsCertificate);
  for (const [title, createEnvironment] of [
    ['NODE_TLS_REJECT_UNAUTHORIZED=0', () => ({ NODE_TLS_REJECT_UNAUTHORIZED: '0' })],
    [
      'SSL_CERT_FILE with --use-openssl-ca',
      () => ({ NODE_OPTIONS: '--use-openssl-ca', SSL_CERT_FILE: authorityFile() }),
    ],
    ...(nodeOptions.has('--use-system-ca')
      ? ([
          [
            'SSL_CERT_FILE with --use-system-ca',
            () => ({ NODE_OPTIONS: '--use-system-ca', SSL_CERT_FILE: authorityFile() }),
          ],
          [
            'SSL_CERT_FILE with NODE_USE_SYSTEM_CA',
            () => ({ NODE_USE_SYSTEM_CA: '1', SSL_CERT_FILE: authorityFile() }),
          ],
        ] as const)
      : []),
  ] as const) {
    it(`A1: rejects an unknown certificate despite ${title}`, async () => {
      const port = await startServer();
      const { stdout } = await request(`https://localhost:${port}/`, createEnvironment());
      assert.match(
        stdout,
        /^the certificate of localhost:\d+ is not trusted \(DEPTH_ZERO_SELF_SIGNED_CERT\)$/m,
      );
    });
  }

  it('A1: rejects an unknown certificate of a proxy, and of a server behind one, despite NODE_TLS_REJECT_UNAUTHORIZED=0', async () => {
    const port = await startServer();
    const env = { NODE_TLS_REJECT_UNAUTHORIZED: '0' };
    const { stdout } = await request('https://iam.example/', env, { proxy: `https://localhost:${port}` });
    assert.match(stdout, /^the certificate of the proxy is not trusted \(DEPTH_ZERO_SELF_SIGNED_CERT\)$/m);
    const proxy = await startConnectProxy(port);
    try {
      const { stdout } = await request('https://iam.example/', env, { proxy: proxy.url });
      assert.match(
        stdout,
        /^the certificate of iam\.example is not trusted \(DEPTH_ZERO_SELF_SIGNED_CERT\)$/m,
      );
    } finally {
      await proxy.close();
    }
  });

  const openSslConfig = `nodejs_conf = node
openssl_conf = node
[node]
ssl_conf = ssl
[ssl]
system_default = weak
[weak]
MinProtocol = TLSv1
CipherString = ALL:eNULL:@SECLEVEL=0
`;
  const oldServer: ServerOptions = { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'ALL:@SECLEVEL=0' };
  const plaintextServer: ServerOptions = {
    maxVersion: 'TLSv1.2',
    ciphers: 'ECDHE-ECDSA-NULL-SHA:@SECLEVEL=0',
  };
  for (const [title, serverOptions, createEnvironment] of [
    [
      'TLS 1.1 despite --tls-min-v1.0',
      oldServer,
      () => ({ NODE_OPTIONS: '--tls-min-v1.0 --tls-cipher-list=ALL:@SECLEVEL=0' }),
    ],
    [
      'TLS 1.1 despite OPENSSL_CONF',
      oldServer,
      () => ({ OPENSSL_CONF: writeFile('openssl.cnf', openSslConfig) }),
    ],
    [
      'a cipher without encryption despite --tls-cipher-list',
      plaintextServer,
      () => ({ NODE_OPTIONS: '--tls-cipher-list=ECDHE-ECDSA-NULL-SHA:@SECLEVEL=0' }),
    ],
  ] as const) {
    it(`A1: refuses ${title}`, async () => {
      const url = `https://localhost:${await startServer(serverOptions)}/`;
      const { stdout } = await request(url, createEnvironment(), { certificates: [tlsCertificate] });
      assert.match(stdout, /^(TLS handshake with localhost:\d+ failed|localhost:\d+ closed the connection)/m);
    });
  }

  for (const [title, createEnvironment] of [
    ['--tls-keylog', (path: string) => ({ NODE_OPTIONS: `--tls-keylog=${path}` })],
    ['SSLKEYLOGFILE', (path: string) => ({ SSLKEYLOGFILE: path })],
  ] as const) {
    it(`A1: writes no keys to the file of ${title}, with and without a proxy`, async () => {
      const port = await startServer();
      const path = join(folder(), 'keys');
      const proxy = await startConnectProxy(port);
      try {
        for (const [url, proxyUrl] of [
          [`https://localhost:${port}/`, null],
          ['https://localhost.example/', proxy.url],
        ] as const) {
          const options = { proxy: proxyUrl, certificates: [tlsCertificate] };
          const { stdout } = await request(url, createEnvironment(path), options);
          assert.match(stdout, proxyUrl === null ? /^safe$/m : /is for another host name$/m);
          assert.equal(existsSync(path), false, `${url}: the file exists`);
        }
      } finally {
        await proxy.close();
      }
    });
  }

  it('A1: prints no trace despite --trace-tls', async () => {
    const url = `https://localhost:${await startServer()}/`;
    const env = { NODE_OPTIONS: '--trace-tls' };
    const { stdout, stderr } = await request(url, env, { certificates: [tlsCertificate] });
    assert.equal(stdout, 'safe\n');
    assert.doesNotMatch(stderr, /Record|ClientHello/);
  });
});
