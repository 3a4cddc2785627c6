import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { connect, createServer as createTcpServer, type Server as TcpServer } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { askDaemon } from '../support/ask-daemon.ts';
import { listen, shut } from '../support/loopback.ts';
import { oauthToken, type RunningHouse, startHouse } from '../support/running-house.ts';

const chromium = '/usr/bin/chromium';
const tokenPath = '/computeMetadata/v1/instance/service-accounts/default/token';
/** In a browser that the test starts, this name leads to 127.0.0.2. */
const rebound = 'rebound.example';

/** Tries everything that a page can, and tells its own server what came of it. */
function attack(target: string, redirect: string): string {
  const flavor = "{ 'Metadata-Flavor': 'Google' }";
  return `<!doctype html><title>page</title><script>
    const target = ${JSON.stringify(target)};
    const redirect = ${JSON.stringify(redirect)};
    const read = async (...request) => { const answer = await fetch(...request); return answer.status + ' ' + await answer.text(); };
    const element = (name, settings) => new Promise((resolve) => {
      const made = Object.assign(document.createElement(name), settings);
      made.onload = () => {
        let seen = 'loaded';
        try { seen += ' ' + (made.contentDocument?.body.textContent ?? (made.naturalWidth ?? 'run')); } catch { seen += ' unreadable'; }
        resolve(seen);
      };
      made.onerror = () => resolve('failed');
      document.body.append(made);
      setTimeout(() => resolve('nothing'), 2_000);
    });
    const ways = {
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
      const seen = {};
      for (const [name, way] of Object.entries(ways)) seen[name] = await way().catch((error) => 'threw ' + error.message);
      await fetch('/seen', { method: 'POST', body: JSON.stringify(seen) });
    };
  </script><body></body>`;
}

describe('a page in Chromium', () => {
  let house: RunningHouse;
  let folder: string;
  let address: string;
  let token: string;
  let page: Server;
  let browser: ChildProcess | null;
  /** Resolves with what the page's server is told. */
  let told: Promise<Readonly<Record<string, string>>>;
  let html: string;

  before(async function () {
    if (!existsSync(chromium)) this.skip();
    this.timeout(60_000);
    house = await startHouse({ store: 'memory', config: 'metadata: { listen: 127.0.0.1:0 }\n' });
    await house.startDaemon();
    await house.iamToken(['login', '--stdin'], oauthToken);
    token = (await house.iamToken()).stdout.trim();
    address = (await askDaemon(house.socketPath, 'status', {})).result?.daemon.metadataAddress ?? '';
    // Else all of this shows nothing.
    const own = await fetch(`http://${address}${tokenPath}`, { headers: { 'Metadata-Flavor': 'Google' } });
    assert.ok((await own.text()).includes(token));
  });
  after(() => house?.stop());

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'chromium-'));
    browser = null;
    let tell: (seen: Readonly<Record<string, string>>) => void;
    told = new Promise((resolve) => (tell = resolve));
    page = createServer((request, response) => {
      if (request.url === '/away') {
        return response.writeHead(302, { location: `http://${address}${tokenPath}` }).end();
      }
      if (request.method !== 'POST') {
        return response.writeHead(200, { 'content-type': 'text/html', connection: 'close' }).end(html);
      }
      let body = '';
      request.setEncoding('utf8').on('data', (piece: string) => (body += piece));
      return request.on('end', () => {
        response.writeHead(200, { connection: 'close' }).end();
        tell(JSON.parse(body) as Record<string, string>);
      });
    });
  });
  afterEach(async () => {
    await shut(page);
    if (browser !== null && browser.exitCode === null && browser.pid !== undefined) {
      const ended = once(browser, 'exit');
      // The group: a browser is many processes, and the first is a shell script's.
      process.kill(-browser.pid, 'SIGKILL');
      await ended;
    }
    rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
  });

  function browse(url: string): void {
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
      `--host-resolver-rules=MAP ${rebound} 127.0.0.2`,
      '--remote-debugging-port=0', // else it ends when it has printed the page
    ];
    browser = spawn(chromium, [...flags, url], { stdio: 'ignore', detached: true });
  }

  it('gets nothing from the metadata address, whichever way it tries', async function () {
    this.timeout(60_000);
    const port = await listen(page);
    html = attack(`http://${address}${tokenPath}`, '/away');
    browse(`http://127.0.0.1:${port}/`);
    const seen = await told;
    assert.equal(Object.keys(seen).length, 12);
    assert.ok(!JSON.stringify(seen).includes('t1.'), JSON.stringify(seen));
    for (const way of [
      'simple GET',
      'header, and so a preflight',
      'redirect',
      'redirect with the header',
      'POST',
    ]) {
      assert.match(seen[way] ?? '', /^threw Failed to fetch/, way);
    }
    assert.equal(seen['WebSocket'], 'failed');
    assert.equal(seen['image'], 'failed');
  });

  it('gets nothing either when its own name is rebound to that address', async function () {
    this.timeout(60_000);
    // The same port on 127.0.0.2 gives the page, and for all else what the metadata address answers, as a name does
    // that leads to the page's server first and to the metadata address later.
    const metadataPort = Number(address.split(':')[1]);
    const pagePort = await listen(page);
    const relay: TcpServer = createTcpServer((client) => {
      client.once('data', (begin: Buffer) => {
        const isPage = /^(?:GET \/ |POST)/.test(begin.toString('latin1'));
        const upstream = connect(isPage ? pagePort : metadataPort, '127.0.0.1');
        upstream.on('error', () => client.destroy());
        client.on('error', () => upstream.destroy());
        upstream.write(begin);
        client.pipe(upstream).pipe(client);
      });
      client.on('error', () => client.destroy());
    });
    relay.listen(metadataPort, '127.0.0.2');
    await once(relay, 'listening');
    html = `<!doctype html><link rel="icon" href="data:,"><script>
      onload = async () => {
        const answer = await fetch(${JSON.stringify(tokenPath)}, { referrerPolicy: 'no-referrer', headers: { 'Metadata-Flavor': 'Google' } });
        const seen = { rebound: answer.status + ' ' + await answer.text() };
        await fetch('/seen', { method: 'POST', body: JSON.stringify(seen) });
      };
    </script>`;
    try {
      browse(`http://${rebound}:${metadataPort}/`);
      assert.match((await told)['rebound'] ?? '', /^403 .*Host: must be 127\.0\.0\.1/);
    } finally {
      relay.close();
    }
  });
});
