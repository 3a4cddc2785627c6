import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { askDaemon } from '../support/ask-daemon.ts';
import { type Ended, ended } from '../support/ended.ts';
import { listen } from '../support/loopback.ts';
import { oauthToken, type RunningHouse, startHouse } from '../support/running-house.ts';
import { until } from '../support/until.ts';

const tokenPath = '/computeMetadata/v1/instance/service-accounts/default/token';
const nobody = 65_534;
const flavor = ['-H', 'Metadata-Flavor: Google'];
const config = 'http: { socket: true }\nmetadata: { listen: 127.0.0.1:0 }\n';

function run(program: string, args: readonly string[], uid?: number): Promise<Ended> {
  const account = uid === undefined ? {} : { uid, gid: uid };
  return ended(spawn(program, args, { cwd: '/', stdio: ['ignore', 'pipe', 'pipe'], ...account }));
}

describe('HTTP', () => {
  let house: RunningHouse;
  let pid: number;
  let httpSocket: string;
  let token: string;

  async function start(text: string): Promise<void> {
    house = await startHouse({ store: 'memory', config: text });
    pid = await house.startDaemon();
    httpSocket = join(dirname(house.socketPath), 'http.sock');
  }
  async function logIn(): Promise<void> {
    const { code, stderr } = await house.iamToken(
      ['login', '--stdin', '--folder-id', 'b1gfolder', '--cloud-id', 'b1gcloud'],
      oauthToken,
    );
    assert.equal(code, 0, stderr);
    token = (await house.iamToken()).stdout.trim();
  }
  async function address(): Promise<string | undefined> {
    return (await askDaemon(house.socketPath, 'status', {})).result?.daemon.metadataAddress;
  }
  async function curl(...args: readonly string[]): Promise<{ status: number; body: string }> {
    const { stdout, stderr, code } = await run('curl', ['-sS', '-w', '\n%{http_code}', ...args]);
    assert.equal(code, 0, stderr);
    const lines = stdout.split('\n');
    return { status: Number(lines.pop()), body: lines.join('\n').trimEnd() };
  }
  const curlSocket = (path: string) => curl('--unix-socket', httpSocket, `http://localhost${path}`);

  describe('for who may ask', () => {
    before(async () => {
      await start(config);
      await logIn();
    });
    after(() => house.stop());

    it('gives curl the token and the status', async () => {
      const { status, body } = await curlSocket('/v1/token?minTtl=10m');
      assert.equal(status, 200);
      const { expiresAt, ...rest } = JSON.parse(body) as Record<string, string>;
      assert.deepEqual([rest['token'], rest['profile']], [token, 'default']);
      assert.ok(Date.parse(expiresAt ?? '') > Date.now());
      assert.equal(
        (JSON.parse((await curlSocket('/v1/status')).body) as { daemon: { pid: number } }).daemon.pid,
        pid,
      );
    });

    it('says what is wrong by the codes of the protocol', async () => {
      const { status, body } = await curlSocket('/v1/token?profile=nobody');
      assert.equal(status, 404);
      assert.match(body, /^\{"error":\{"code":"unknown_profile","message":"/);
    });

    it('gives curl the token, the folder and the cloud, as a VM does', async () => {
      const base = `http://${await address()}`;
      const { status, body } = await curl(...flavor, base + tokenPath);
      assert.equal(status, 200);
      const { expires_in: expiresIn, ...rest } = JSON.parse(body) as Record<string, unknown>;
      assert.deepEqual(rest, { access_token: token, token_type: 'Bearer' });
      assert.ok(Number.isInteger(expiresIn) && Number(expiresIn) > 60 && Number(expiresIn) <= 43_200);
      const scope = await Promise.all(
        ['yandex/folder-id', 'instance/vendor/folder-id', 'instance/vendor/cloud-id'].map(
          async (path) => (await curl(...flavor, `${base}/computeMetadata/v1/${path}`)).body,
        ),
      );
      assert.deepEqual(scope, ['b1gfolder', 'b1gfolder', 'b1gcloud']);
    });

    it('refuses who has no header, a foreign Host or an Origin, posts, or comes by a redirect without the header', async () => {
      const url = `http://${await address()}${tokenPath}`;
      const port = Number(new URL(url).port);
      const redirecting = createServer((socket) => {
        socket.end(`HTTP/1.1 302 Found\r\nLocation: ${url}\r\nConnection: close\r\n\r\n`);
      });
      const redirect = `http://127.0.0.1:${await listen(redirecting)}/`;
      const cases: readonly (readonly [number, readonly string[]])[] = [
        [403, [url]],
        [403, [...flavor, '-H', 'Host: 169.254.169.254', url]],
        [
          403,
          [
            ...flavor,
            '--resolve',
            `rebound.example:${port}:127.0.0.1`,
            `http://rebound.example:${port}${tokenPath}`,
          ],
        ],
        [403, [...flavor, '-H', 'Origin: http://page.example', url]],
        [405, [...flavor, '-d', 'a=b', url]],
        [404, [...flavor, '--path-as-is', url.replace('/v1/', '/v1/../v1/')]],
        [403, ['-L', redirect]],
      ];
      for (const [status, args] of cases) {
        const answer = await curl(...args);
        assert.equal(answer.status, status, args.join(' '));
        assert.ok(!answer.body.includes(token.slice(3, 30)));
      }
      redirecting.close();
    });

    it('refuses nobody, 100 of 100', async function () {
      if (process.getuid?.() !== 0) this.skip();
      const url = `http://${await address()}${tokenPath}`;
      const script = `
        let left = 100;
        const next = () => left-- > 0 && require('http').get(process.argv[1],
          { agent: false, headers: { 'Metadata-Flavor': 'Google' } },
          (answer) => { console.log(answer.statusCode); answer.resume().on('end', next); });
        next();`;
      const seen = await run(process.execPath, ['-e', script, url], nobody);
      assert.equal(seen.stdout, '403\n'.repeat(100), seen.stderr);
      assert.equal((await run(process.execPath, ['-e', script, url])).stdout, '200\n'.repeat(100));
      assert.equal(house.log().match(/refused a program of uid 65534/g)?.length, 1);
    });

    it('leaves no token in the log', () => {
      assert.ok(!house.log().includes(token.slice(3, 40)));
    });

    it('stays as it is when the configuration is read again, and the log says so', async () => {
      const before = await address();
      writeFileSync(
        join(house.folder, 'config', 'iam-tokend', 'config.yaml'),
        'metadata: { listen: 127.0.0.1:0 }\n',
      );
      process.kill(pid, 'SIGHUP');
      await until(
        () => house.log().includes('http and metadata are heard after a restart only'),
        'it was said',
      );
      assert.equal(await address(), before);
      assert.equal((await curlSocket('/healthz')).status, 200);
    });
  });

  describe('by its house', () => {
    afterEach(() => house.stop());

    it('is ready once there is a token, no longer when it is locked, and starts no exchange to find out', async () => {
      await start(config);
      assert.deepEqual(
        [(await curlSocket('/healthz')).status, (await curlSocket('/readyz')).status],
        [200, 503],
      );
      await logIn();
      const { length } = house.emulator.calls();
      assert.deepEqual(await curlSocket('/readyz'), { status: 200, body: '{"ready":true}' });
      assert.equal((await curlSocket('/readyz?profile=default')).status, 200);
      assert.equal((await curlSocket('/readyz?profile=other')).status, 404);
      await house.iamToken(['lock']);
      const locked = await curlSocket('/readyz');
      assert.equal(locked.status, 503);
      assert.match(locked.body, /"code":"locked"/);
      assert.equal((await curlSocket('/healthz')).status, 200);
      assert.equal(house.emulator.calls().length, length);
    });

    it('has a socket for its user alone, gone with the daemon, and takes the place of one that a killed daemon left', async () => {
      await start(config);
      assert.equal(statSync(httpSocket).mode & 0o777, 0o600);
      assert.equal(statSync(dirname(httpSocket)).mode & 0o777, 0o700);
      await house.stopDaemon('SIGKILL');
      assert.equal(existsSync(httpSocket), true);
      await house.startDaemon();
      assert.equal((await curlSocket('/healthz')).status, 200);
      await house.stopDaemon();
      assert.equal(existsSync(httpSocket), false);
    });

    it('answers nobody too where the configuration says so', async function () {
      if (process.getuid?.() !== 0) this.skip();
      await start('metadata: { listen: 127.0.0.1:0, allowAnyLocalUser: true }\n');
      await logIn();
      const { stdout } = await run(
        'curl',
        ['-s', ...flavor, `http://${await address()}${tokenPath}`],
        nobody,
      );
      assert.ok(stdout.includes(token));
    });

    it('has no metadata address unless asked for, and `status` says where it is', async () => {
      await start('');
      assert.equal(await address(), undefined);
      assert.equal(existsSync(httpSocket), false);
      await house.stopDaemon();
      writeFileSync(join(house.folder, 'config', 'iam-tokend', 'config.yaml'), config);
      await house.startDaemon();
      const { stdout } = await house.iamToken(['status']);
      assert.match(stdout, new RegExp(`^  metadata +${(await address())?.replaceAll('.', '\\.')}$`, 'm'));
    });

    it('refuses a metadata address that others could reach, before anything starts', async () => {
      await start('');
      await house.stopDaemon();
      writeFileSync(
        join(house.folder, 'config', 'iam-tokend', 'config.yaml'),
        'metadata: { listen: 0.0.0.0:8099 }\n',
      );
      const { code, stderr } = await house.iamTokend([]);
      assert.equal(code, 2);
      assert.match(stderr, /config\.yaml:1: metadata\.listen: must be a loopback address and a port/);
    });

    it('goes without the metadata address where another program has its port', async () => {
      const other = createServer();
      const port = await listen(other);
      await start(`metadata: { listen: 127.0.0.1:${port} }\n`);
      await logIn();
      assert.equal(await address(), undefined);
      assert.match(house.log(), /EADDRINUSE.*; the metadata address stays off/);
      other.close();
    });

    it('is beside a socket that systemd passed, and only that one is left at the end', async () => {
      house = await startHouse({ store: 'memory', config });
      httpSocket = join(dirname(house.socketPath), 'http.sock');
      const program = fileURLToPath(new URL('../../bin/iam-tokend.js', import.meta.url));
      const names = Object.keys(house.environment).map((name) => `--setenv=${name}`);
      const folder = dirname(house.socketPath);
      await run('mkdir', ['-m', '700', folder]);
      const activator = spawn(
        'systemd-socket-activate',
        [...names, `--listen=${house.socketPath}`, process.execPath, program, '--store', 'memory'],
        { env: house.environment, stdio: 'ignore' },
      );
      try {
        await until(() => existsSync(house.socketPath), 'the socket is there');
        assert.equal((await house.iamToken(['profiles'])).code, 0);
        assert.equal((await curlSocket('/healthz')).status, 200);
        assert.equal((await house.iamToken(['stop'])).code, 0);
        await until(() => activator.exitCode !== null, 'the daemon ended');
        assert.deepEqual([existsSync(httpSocket), existsSync(house.socketPath)], [false, true]);
      } finally {
        activator.kill('SIGKILL');
      }
    });
  });
});
