import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { callDaemon } from '../../support/daemon/call-daemon.ts';
import { type ProcessResult, waitForExit } from '../../support/processes/process-result.ts';
import { listenOnLoopback } from '../../support/network/loopback.ts';
import { oauthToken, type TestEnvironment, startTestEnvironment } from '../../support/test-environment.ts';
import { waitUntil } from '../../support/wait-until.ts';

const tokenPath = '/computeMetadata/v1/instance/service-accounts/default/token';
const otherUid = 65_534;
const flavorHeader = ['-H', 'Metadata-Flavor: Google'];
const config = 'http: { socket: true }\nmetadata: { listen: 127.0.0.1:0 }\n';

function runProgram(program: string, args: readonly string[], uid?: number): Promise<ProcessResult> {
  const userOptions = uid === undefined ? {} : { uid, gid: uid };
  return waitForExit(spawn(program, args, { cwd: '/', stdio: ['ignore', 'pipe', 'pipe'], ...userOptions }));
}

describe('HTTP servers', () => {
  let testEnv: TestEnvironment;
  let pid: number;
  let httpSocket: string;
  let token: string;

  async function startWithConfig(text: string): Promise<void> {
    testEnv = await startTestEnvironment({ store: 'memory', config: text });
    pid = await testEnv.startDaemon();
    httpSocket = join(dirname(testEnv.socketPath), 'http', 'http.sock');
  }
  async function logIn(): Promise<void> {
    const { code, stderr } = await testEnv.iamToken(
      ['login', '--stdin', '--folder-id', 'b1gfolder', '--cloud-id', 'b1gcloud'],
      oauthToken,
    );
    assert.equal(code, 0, stderr);
    token = (await testEnv.iamToken()).stdout.trim();
  }
  async function readMetadataAddress(): Promise<string | undefined> {
    return (await callDaemon(testEnv.socketPath, 'status', {})).result?.daemon.metadataAddress;
  }
  async function runCurl(...args: readonly string[]): Promise<{ status: number; body: string }> {
    const { stdout, stderr, code } = await runProgram('curl', ['-sS', '-w', '\n%{http_code}', ...args]);
    assert.equal(code, 0, stderr);
    const lines = stdout.split('\n');
    return { status: Number(lines.pop()), body: lines.join('\n').trimEnd() };
  }
  const curlHttpSocket = (path: string) => runCurl('--unix-socket', httpSocket, `http://localhost${path}`);

  describe('with one daemon', () => {
    before(async () => {
      await startWithConfig(config);
      await logIn();
    });
    after(() => testEnv.stop());

    it('return the token and the status at http.sock', async () => {
      const { status, body } = await curlHttpSocket('/v1/token?minTtl=10m');
      assert.equal(status, 200);
      const { expiresAt, ...rest } = JSON.parse(body) as Record<string, string>;
      assert.deepEqual([rest['token'], rest['profile']], [token, 'default']);
      assert.ok(Date.parse(expiresAt ?? '') > Date.now());
      assert.equal(
        (JSON.parse((await curlHttpSocket('/v1/status')).body) as { daemon: { pid: number } }).daemon.pid,
        pid,
      );
    });

    it('return the error codes of the protocol', async () => {
      const { status, body } = await curlHttpSocket('/v1/token?profile=missing');
      assert.equal(status, 404);
      assert.match(body, /^\{"error":\{"code":"unknown_profile","message":"/);
    });

    it('return token, folder and cloud at the metadata address, as a VM does', async () => {
      const base = `http://${await readMetadataAddress()}`;
      const { status, body } = await runCurl(...flavorHeader, base + tokenPath);
      assert.equal(status, 200);
      const { expires_in: expiresIn, ...rest } = JSON.parse(body) as Record<string, unknown>;
      assert.deepEqual(rest, { access_token: token, token_type: 'Bearer' });
      assert.ok(Number.isInteger(expiresIn) && Number(expiresIn) > 60 && Number(expiresIn) <= 43_200);
      const scopeIds = await Promise.all(
        ['yandex/folder-id', 'instance/vendor/folder-id', 'instance/vendor/cloud-id'].map(
          async (path) => (await runCurl(...flavorHeader, `${base}/computeMetadata/v1/${path}`)).body,
        ),
      );
      assert.deepEqual(scopeIds, ['b1gfolder', 'b1gfolder', 'b1gcloud']);
    });

    it('reject requests without Metadata-Flavor, with a foreign Host or Origin, by POST, or redirected', async () => {
      const url = `http://${await readMetadataAddress()}${tokenPath}`;
      const port = Number(new URL(url).port);
      const redirectServer = createServer((socket) => {
        socket.end(`HTTP/1.1 302 Found\r\nLocation: ${url}\r\nConnection: close\r\n\r\n`);
      });
      const redirectUrl = `http://127.0.0.1:${await listenOnLoopback(redirectServer)}/`;
      const cases: readonly (readonly [number, readonly string[]])[] = [
        [403, [url]],
        [403, [...flavorHeader, '-H', 'Host: 169.254.169.254', url]],
        [
          403,
          [
            ...flavorHeader,
            '--resolve',
            `rebound.example:${port}:127.0.0.1`,
            `http://rebound.example:${port}${tokenPath}`,
          ],
        ],
        [403, [...flavorHeader, '-H', 'Origin: http://page.example', url]],
        [405, [...flavorHeader, '-d', 'a=b', url]],
        [404, [...flavorHeader, '--path-as-is', url.replace('/v1/', '/v1/../v1/')]],
        [403, ['-L', redirectUrl]],
      ];
      for (const [status, args] of cases) {
        const response = await runCurl(...args);
        assert.equal(response.status, status, args.join(' '));
        assert.ok(!response.body.includes(token.slice(3, 30)));
      }
      redirectServer.close();
    });

    it('reject every request of another user', async function () {
      if (process.getuid?.() !== 0) this.skip();
      const url = `http://${await readMetadataAddress()}${tokenPath}`;
      const script = `
        let remaining = 100;
        const next = () => remaining-- > 0 && require('http').get(process.argv[1],
          { agent: false, headers: { 'Metadata-Flavor': 'Google' } },
          (response) => { console.log(response.statusCode); response.resume().on('end', next); });
        next();`;
      const statusLines = await runProgram(process.execPath, ['-e', script, url], otherUid);
      assert.equal(statusLines.stdout, '403\n'.repeat(100), statusLines.stderr);
      assert.equal((await runProgram(process.execPath, ['-e', script, url])).stdout, '200\n'.repeat(100));
      assert.equal(testEnv.readLog().match(/rejected a program of uid 65534/g)?.length, 1);
    });

    it('write no token to the log', () => {
      assert.ok(!testEnv.readLog().includes(token.slice(3, 40)));
    });

    it('require a restart for a changed configuration, and log that', async () => {
      const addressBefore = await readMetadataAddress();
      writeFileSync(
        join(testEnv.folder, 'config', 'iam-tokend', 'config.yaml'),
        'metadata: { listen: 127.0.0.1:0 }\n',
      );
      process.kill(pid, 'SIGHUP');
      await waitUntil(
        () => testEnv.readLog().includes('http: a change requires a restart'),
        'the change is logged',
      );
      assert.equal(await readMetadataAddress(), addressBefore);
      assert.equal((await curlHttpSocket('/healthz')).status, 200);
    });
  });

  describe('with a daemon per test', () => {
    afterEach(() => testEnv.stop());

    it('report readiness while a token is available, without an exchange', async () => {
      await startWithConfig(config);
      assert.deepEqual(
        [(await curlHttpSocket('/healthz')).status, (await curlHttpSocket('/readyz')).status],
        [200, 503],
      );
      await logIn();
      const { length } = testEnv.emulator.listRequests();
      assert.deepEqual(await curlHttpSocket('/readyz'), { status: 200, body: '{"ready":true}' });
      assert.equal((await curlHttpSocket('/readyz?profile=default')).status, 200);
      assert.equal((await curlHttpSocket('/readyz?profile=other')).status, 404);
      await testEnv.iamToken(['lock']);
      const locked = await curlHttpSocket('/readyz');
      assert.equal(locked.status, 503);
      assert.match(locked.body, /"code":"locked"/);
      assert.equal((await curlHttpSocket('/healthz')).status, 200);
      assert.equal(testEnv.emulator.listRequests().length, length);
    });

    it('create http.sock for the user only, remove it at exit, and replace one left by a killed daemon', async () => {
      await startWithConfig(config);
      assert.equal(statSync(httpSocket).mode & 0o777, 0o600);
      assert.equal(statSync(dirname(httpSocket)).mode & 0o777, 0o700);
      await testEnv.stopDaemon('SIGKILL');
      assert.equal(existsSync(httpSocket), true);
      await testEnv.startDaemon();
      assert.equal((await curlHttpSocket('/healthz')).status, 200);
      await testEnv.stopDaemon();
      assert.equal(existsSync(httpSocket), false);
    });

    it('D1: keep http.sock alone in a folder of its own, which outlives the daemon', async () => {
      await startWithConfig(config);
      assert.deepEqual(readdirSync(dirname(httpSocket)), ['http.sock']);
      assert.ok(!readdirSync(dirname(testEnv.socketPath)).includes('http.sock'));
      const { ino } = statSync(dirname(httpSocket));
      await testEnv.stopDaemon();
      await testEnv.startDaemon();
      assert.equal(
        statSync(dirname(httpSocket)).ino,
        ino,
        'a container that mounts the folder sees the new socket',
      );
    });

    it('serve another user with metadata.allowAnyLocalUser', async function () {
      if (process.getuid?.() !== 0) this.skip();
      await startWithConfig('metadata: { listen: 127.0.0.1:0, allowAnyLocalUser: true }\n');
      await logIn();
      const { stdout } = await runProgram(
        'curl',
        ['-s', ...flavorHeader, `http://${await readMetadataAddress()}${tokenPath}`],
        otherUid,
      );
      assert.ok(stdout.includes(token));
    });

    it('serve a metadata address only if configured, and show it in status', async () => {
      await startWithConfig('');
      assert.equal(await readMetadataAddress(), undefined);
      assert.equal(existsSync(httpSocket), false);
      await testEnv.stopDaemon();
      writeFileSync(join(testEnv.folder, 'config', 'iam-tokend', 'config.yaml'), config);
      await testEnv.startDaemon();
      const { stdout } = await testEnv.iamToken(['status']);
      assert.match(
        stdout,
        new RegExp(`^  metadata +${(await readMetadataAddress())?.replaceAll('.', '\\.')}$`, 'm'),
      );
    });

    it('reject a metadata address that is not a loopback address', async () => {
      await startWithConfig('');
      await testEnv.stopDaemon();
      writeFileSync(
        join(testEnv.folder, 'config', 'iam-tokend', 'config.yaml'),
        'metadata: { listen: 0.0.0.0:8099 }\n',
      );
      const { code, stderr } = await testEnv.iamTokend([]);
      assert.equal(code, 2);
      assert.match(stderr, /config\.yaml:1: metadata\.listen: ".*" must be a loopback address and a port/);
    });

    it('E11: do not serve a metadata address in use, and status and doctor say it', async () => {
      const otherServer = createServer();
      const port = await listenOnLoopback(otherServer);
      await startWithConfig(`metadata: { listen: 127.0.0.1:${port} }\n`);
      await logIn();
      assert.equal(await readMetadataAddress(), undefined);
      const message = `metadata.listen: cannot listen on 127.0.0.1:${port}: the address is in use; retrying every 30 s`;
      const { stdout: statusText } = await testEnv.iamToken(['status']);
      assert.ok(statusText.includes(`metadata      off\n  problem       ${message}\n`), statusText);
      const { stdout: doctorText } = await testEnv.iamToken(['doctor', '--json']);
      assert.ok(doctorText.includes(message), doctorText);
      assert.ok(testEnv.readLog().includes(message));
      otherServer.close();
    });

    it('work with a socket that systemd passed, and leave that one in place', async () => {
      testEnv = await startTestEnvironment({ store: 'memory', config });
      httpSocket = join(dirname(testEnv.socketPath), 'http', 'http.sock');
      const program = fileURLToPath(new URL('../../../bin/iam-tokend.js', import.meta.url));
      const names = Object.keys(testEnv.environment).map((name) => `--setenv=${name}`);
      const folder = dirname(testEnv.socketPath);
      await runProgram('mkdir', ['-m', '700', folder]);
      const activator = spawn(
        'systemd-socket-activate',
        [...names, `--listen=${testEnv.socketPath}`, process.execPath, program, '--store', 'memory'],
        { env: testEnv.environment, stdio: 'ignore' },
      );
      try {
        await waitUntil(() => existsSync(testEnv.socketPath), 'the socket exists');
        assert.equal((await testEnv.iamToken(['profiles'])).code, 0);
        assert.equal((await curlHttpSocket('/healthz')).status, 200);
        assert.equal((await testEnv.iamToken(['stop'])).code, 0);
        await waitUntil(() => activator.exitCode !== null, 'the daemon has exited');
        assert.deepEqual([existsSync(httpSocket), existsSync(testEnv.socketPath)], [false, true]);
      } finally {
        activator.kill('SIGKILL');
      }
    });
  });
});
