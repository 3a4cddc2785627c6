import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { root } from '../../conventions/source-tree.ts';
import { findProcesses } from '../../support/processes/process-table.ts';
import { oauthToken, startTestEnvironment, type TestEnvironment } from '../../support/test-environment.ts';
import { waitUntil } from '../../support/wait-until.ts';

describe('18.6: hooks', () => {
  let testEnv: TestEnvironment;
  const path = (name: string): string => join(testEnv.folder, name);
  const read = (name: string): string => (existsSync(path(name)) ? readFileSync(path(name), 'utf8') : '');
  const countOf = (text: string, part: string): number => text.split(part).length - 1;

  async function start(
    config: object,
    extraEnvironment: Readonly<Record<string, string>> = {},
  ): Promise<void> {
    writeFileSync(join(testEnv.folder, 'config/iam-tokend/config.yaml'), JSON.stringify({ hooks: config }));
    await testEnv.startDaemon([], extraEnvironment);
    assert.equal((await testEnv.iamToken(['login', '--stdin'], oauthToken)).code, 0);
  }

  function writeHook(name: string, script: string): string {
    writeFileSync(path(name), `#!/bin/sh\ncd '${testEnv.folder}'\n${script}\n`);
    chmodSync(path(name), 0o755);
    return path(name);
  }

  beforeEach(async () => {
    testEnv = await startTestEnvironment({ store: 'memory' });
  });
  afterEach(() => testEnv.stop());

  it('get each event as JSON, in a clean environment, and no token', async () => {
    const script = `line=$(cat); { env; tr '\\0' '\\n' </proc/$$/cmdline; ls -l /proc/$$/fd; pwd; } >>trace; printf "%s\\\\n" "$line" >>events; echo "told: $1"`;
    const hook = [writeHook('hook', script), 'canary-argument'];
    await start(
      { rotated: hook, failing: hook, login_required: hook, locked: hook },
      {
        YC_TOKEN: 't1.outer',
        CREDENTIALS_DIRECTORY: '/run/credentials',
        NOTIFY_SOCKET: '/nowhere',
        LISTEN_FDS: '1',
        NODE_OPTIONS: '--no-warnings',
      },
    );
    await waitUntil(() => read('events').includes('"rotated"'), 'the token of the login');
    testEnv.emulator.setFault({ kind: 'unavailable' }, 1);
    await testEnv.iamToken(['refresh']);
    await waitUntil(() => read('events').includes('"failing"'), 'failing');
    await waitUntil(() => countOf(read('events'), '"rotated"') === 2, 'the retry');
    const token = (await testEnv.iamToken()).stdout.trim();
    assert.match(token, /^t1\./);
    testEnv.emulator.revokeOauthToken(oauthToken);
    assert.equal((await testEnv.iamToken(['refresh'])).code, 4);
    await waitUntil(() => read('events').includes('"login_required"'), 'login_required');
    await testEnv.iamToken(['lock']);
    const output = 'info output of the hook for locked: told: canary-argument';
    await waitUntil(() => testEnv.readLog().includes(output), 'the output of the last one');

    const events = read('events')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    const [rotated] = events;
    assert.deepEqual(Object.keys(rotated ?? {}), ['event', 'profile', 'expiresAt']);
    assert.equal(rotated?.['profile'], 'default');
    const failing = events.find(({ event }) => event === 'failing');
    assert.match(JSON.stringify(failing?.['problem']), /"code":"unavailable"/);
    const locked = events.find(({ event }) => event === 'locked');
    assert.match(JSON.stringify(locked?.['problem']), /"hint":"iam-token unlock"/);

    for (const text of [read('trace'), read('events'), testEnv.readLog()]) {
      assert.doesNotMatch(
        text,
        /t1\.|y0_|CREDENTIALS_DIRECTORY|NOTIFY_SOCKET|LISTEN_|NODE_OPTIONS|IAM_TOKEN/,
      );
      assert.ok(!text.includes(token));
    }
  });

  it('that hang, fork, close stdin or do not exist delay nothing, and are named once', async () => {
    await start({
      rotated: [writeHook('forks', 'exec 0<&-; for i in 1 2 3; do sleep 1234 & done; echo forked; exit 3')],
      failing: ['/nowhere/hook'],
      locked: [writeHook('hangs', 'trap "" TERM; echo $$ >hanging; sleep 4321 & wait; sleep 4321')],
    });
    for (let count = 0; count < 3; count += 1) assert.equal((await testEnv.iamToken(['refresh'])).code, 0);
    const warning = 'warn the hook for rotated failed: ';
    await waitUntil(
      () => countOf(testEnv.readLog(), 'output of the hook for rotated: forked') >= 2,
      'it has run twice',
    );
    assert.equal(countOf(testEnv.readLog(), warning), 1, testEnv.readLog());
    assert.match(testEnv.readLog(), /forks: exit code 3/);
    assert.equal(
      countOf(testEnv.readLog(), 'warn the hook for failing failed: /nowhere/hook: there is no such program'),
      1,
    );
    await waitUntil(() => findProcesses('sleep\u00001234').length === 0, 'nothing is left of it');
    await testEnv.iamToken(['lock']);
    await waitUntil(() => read('hanging') !== '', 'it hangs');
    await testEnv.iamToken(['unlock']);
    assert.ok((await testEnv.stopDaemon()) < 2_000, 'the daemon stops at once');
    await waitUntil(() => findProcesses('sleep\u00004321').length === 0, 'it has ended');
  });

  it('change by a reload', async () => {
    const pid = await testEnv.startDaemon();
    assert.equal((await testEnv.iamToken(['login', '--stdin'], oauthToken)).code, 0);
    const hook = writeHook('hook', 'cat >>events');
    writeFileSync(
      join(testEnv.folder, 'config/iam-tokend/config.yaml'),
      JSON.stringify({ hooks: { rotated: [hook], failing: ['no-such-program'] } }),
    );
    process.kill(pid, 'SIGHUP');
    await waitUntil(
      () => testEnv.readLog().includes('no-such-program: there is no such program'),
      'the reload',
    );
    await testEnv.iamToken(['refresh']);
    await waitUntil(() => read('events').includes('"rotated"'), 'the event');
  });
});

describe('18.6: the hooks in README.md', () => {
  let testEnv: TestEnvironment;
  let server: Server;
  const received: string[] = [];

  beforeEach(async () => {
    testEnv = await startTestEnvironment({ store: 'memory' });
    server = createServer((request, response) => {
      let body = '';
      request.setEncoding('utf8').on('data', (chunk: string) => (body += chunk));
      request.on('end', () => {
        received.push(`${request.method} ${request.headers['content-type']} ${body}`);
        response.end();
      });
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
  });
  afterEach(async () => {
    server.close();
    await testEnv.stop();
  });

  it('show a desktop notification and call a webhook', async function () {
    if (spawnSync('curl', ['--version']).error !== undefined) this.skip();
    const programs = join(testEnv.folder, 'programs');
    const shown = join(testEnv.folder, 'shown');
    mkdirSync(programs);
    writeFileSync(join(programs, 'notify-send'), `#!/bin/sh\nprintf '%s\\n' "$@" >>'${shown}'\n`);
    chmodSync(join(programs, 'notify-send'), 0o755);
    const [yaml = ''] =
      readFileSync(join(root, 'README.md'), 'utf8').match(/(?<=^```yaml\n)hooks:\n[^]*?(?=^```)/m) ?? [];
    const { port } = server.address() as AddressInfo;
    const config = yaml.replace('https://hooks.example.net', `http://127.0.0.1:${port}`);
    assert.notEqual(config, yaml);
    writeFileSync(join(testEnv.folder, 'config/iam-tokend/config.yaml'), config);
    await testEnv.startDaemon([], { PATH: `${programs}:${process.env['PATH']}` });
    assert.equal((await testEnv.iamToken(['login', '--stdin'], oauthToken)).code, 0);
    testEnv.emulator.setFault({ kind: 'unavailable' }, 1);
    await testEnv.iamToken(['refresh']);
    await waitUntil(() => received.length === 1, 'the webhook is called');
    assert.match(
      received[0] ?? '',
      /^POST application\/json \{"event":"failing","profile":"default",.*"problem":\{/,
    );
    testEnv.emulator.revokeOauthToken(oauthToken);
    await testEnv.iamToken(['refresh']);
    await waitUntil(
      () => existsSync(shown) && readFileSync(shown, 'utf8').endsWith('}\n'),
      'the notification',
    );
    assert.match(
      readFileSync(shown, 'utf8'),
      /^iam-token: login required\n\{"event":"login_required","profile":"default"/,
    );
    assert.doesNotMatch(testEnv.readLog(), /the hook for/);
  });
});
