import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { connect, createServer as createTcpServer, type Server as TcpServer } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { callDaemon } from '../support/daemon/call-daemon.ts';
import { listenOnLoopback, closeServer } from '../support/network/loopback.ts';
import { oauthToken, type TestEnvironment, startTestEnvironment } from '../support/test-environment.ts';

const chromium = '/usr/bin/chromium';
const tokenPath = '/computeMetadata/v1/instance/service-accounts/default/token';
/** Resolves to 127.0.0.2 in the browser of the test. */
const reboundHost = 'rebound.example';

/** A page that tries every kind of request to `target`, and reports the results to its own server. */
function attackPage(target: string, redirect: string): string {
  const flavor = "{ 'Metadata-Flavor': 'Google' }";
  return `<!doctype html><title>page</title><script>
    const target = ${JSON.stringify(target)};
    const redirect = ${JSON.stringify(redirect)};
    const read = async (...request) => { const response = await fetch(...request); return response.status + ' ' + await response.text(); };
    const element = (name, settings) => new Promise((resolve) => {
      const node = Object.assign(document.createElement(name), settings);
      node.onload = () => {
        let result = 'loaded';
        try { result += ' ' + (node.contentDocument?.body.textContent ?? (node.naturalWidth ?? 'run')); } catch { result += ' unreadable'; }
        resolve(result);
      };
      node.onerror = () => resolve('failed');
      document.body.append(node);
      setTimeout(() => resolve('nothing'), 2_000);
    });
    const attacks = {
      'simple GET': () => read(target),
      'no-cors GET': () => read(target, { mode: 'no-cors' }),
      'header, and so a preflight': () => read(target, { headers: ${flavor} }),
      'header without cors': () => read(target, { mode: 'no-cors', headers: ${flavor} }),
      'redirect': () => read(redirect),
      'redirect with the header': () => read(redirect, { headers: ${flavor} }),
      'POST': () => read(target, { method: 'POST', body: 'a=b' }),
      'image': () => element('img', { src: target }),
      'script': () => element('script', { src: target }),
      'frame': () => element('iframe', { src: target }),
      'frame by a redirect': () => element('iframe', { src: redirect }),
      'WebSocket': () => new Promise((resolve) => {
        const socket = new WebSocket(target.replace('http', 'ws'));
        socket.onopen = () => resolve('open');
        socket.onerror = () => resolve('failed');
      }),
    };
    onload = async () => {
      const results = {};
      for (const [name, attack] of Object.entries(attacks)) results[name] = await attack().catch((error) => 'threw ' + error.message);
      await fetch('/report', { method: 'POST', body: JSON.stringify(results) });
    };
  </script><body></body>`;
}

describe('web page in Chromium', () => {
  let testEnv: TestEnvironment;
  let folder: string;
  let address: string;
  let token: string;
  let pageServer: Server;
  let browser: ChildProcess | null;
  /** Resolves with the results that the page reports. */
  let reportedResults: Promise<Readonly<Record<string, string>>>;
  let html: string;

  before(async function () {
    if (!existsSync(chromium)) this.skip();
    testEnv = await startTestEnvironment({ store: 'memory', config: 'metadata: { listen: 127.0.0.1:0 }\n' });
    await testEnv.startDaemon();
    await testEnv.iamToken(['login', '--stdin'], oauthToken);
    token = (await testEnv.iamToken()).stdout.trim();
    address = (await callDaemon(testEnv.socketPath, 'status', {})).result?.daemon.metadataAddress ?? '';
    // Without a working address the tests would prove nothing.
    const directResponse = await fetch(`http://${address}${tokenPath}`, {
      headers: { 'Metadata-Flavor': 'Google' },
    });
    assert.ok((await directResponse.text()).includes(token));
  });
  after(() => testEnv?.stop());

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'chromium-'));
    browser = null;
    let resolveReport: (results: Readonly<Record<string, string>>) => void;
    reportedResults = new Promise((resolve) => (resolveReport = resolve));
    pageServer = createServer((request, response) => {
      if (request.url === '/redirect') {
        return response.writeHead(302, { location: `http://${address}${tokenPath}` }).end();
      }
      if (request.method !== 'POST') {
        return response.writeHead(200, { 'content-type': 'text/html', connection: 'close' }).end(html);
      }
      let body = '';
      request.setEncoding('utf8').on('data', (chunk: string) => (body += chunk));
      return request.on('end', () => {
        response.writeHead(200, { connection: 'close' }).end();
        resolveReport(JSON.parse(body) as Record<string, string>);
      });
    });
  });
  afterEach(async () => {
    await closeServer(pageServer);
    if (browser !== null && browser.exitCode === null && browser.pid !== undefined) {
      const exitEvent = once(browser, 'exit');
      // The process group: a browser is many processes, and the first is a shell script.
      process.kill(-browser.pid, 'SIGKILL');
      await exitEvent;
    }
    rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
  });

  function openBrowser(url: string): void {
    const flags = [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      `--user-data-dir=${folder}`,
      `--host-resolver-rules=MAP ${reboundHost} 127.0.0.2`,
      '--remote-debugging-port=0', // Without it, Chromium exits after it has loaded the page.
    ];
    browser = spawn(chromium, [...flags, url], { stdio: 'ignore', detached: true });
  }

  it('gets no token from the metadata address by any kind of request', async () => {
    const port = await listenOnLoopback(pageServer);
    html = attackPage(`http://${address}${tokenPath}`, '/redirect');
    openBrowser(`http://127.0.0.1:${port}/`);
    const results = await reportedResults;
    assert.equal(Object.keys(results).length, 12);
    assert.ok(!JSON.stringify(results).includes('t1.'), JSON.stringify(results));
    for (const attackName of [
      'simple GET',
      'header, and so a preflight',
      'redirect',
      'redirect with the header',
      'POST',
    ]) {
      assert.match(results[attackName] ?? '', /^threw Failed to fetch/, attackName);
    }
    assert.equal(results['WebSocket'], 'failed');
    assert.equal(results['image'], 'failed');
  });

  it('gets no token after its host name is rebound to that address', async () => {
    // The same port on 127.0.0.2 serves the page, and forwards all other requests to the metadata address, like a name
    // that first resolves to the server of the page and later to the metadata address.
    const metadataPort = Number(address.split(':')[1]);
    const pagePort = await listenOnLoopback(pageServer);
    const relay: TcpServer = createTcpServer((client) => {
      client.once('data', (firstChunk: Buffer) => {
        const isPage = /^(?:GET \/ |POST)/.test(firstChunk.toString('latin1'));
        const upstream = connect(isPage ? pagePort : metadataPort, '127.0.0.1');
        upstream.on('error', () => client.destroy());
        client.on('error', () => upstream.destroy());
        upstream.write(firstChunk);
        client.pipe(upstream).pipe(client);
      });
      client.on('error', () => client.destroy());
    });
    relay.listen(metadataPort, '127.0.0.2');
    await once(relay, 'listening');
    html = `<!doctype html><link rel="icon" href="data:,"><script>
      onload = async () => {
        const response = await fetch(${JSON.stringify(tokenPath)}, { referrerPolicy: 'no-referrer', headers: { 'Metadata-Flavor': 'Google' } });
        const results = { rebound: response.status + ' ' + await response.text() };
        await fetch('/report', { method: 'POST', body: JSON.stringify(results) });
      };
    </script>`;
    try {
      openBrowser(`http://${reboundHost}:${metadataPort}/`);
      assert.match((await reportedResults)['rebound'] ?? '', /^403 .*the header Host must be 127\.0\.0\.1/);
    } finally {
      relay.close();
    }
  });
});
