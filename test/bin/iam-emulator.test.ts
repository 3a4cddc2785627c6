import assert from 'node:assert/strict';
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { undiciHttp } from '../../src/adapters/undici-http.ts';
import { serviceAccountKeyKind } from '../../src/sources/service-account-key.ts';
import { ended } from '../support/ended.ts';
import { realClock } from '../support/real-clock.ts';
import { sourceTools } from '../support/source-tools.ts';
import { keyFile } from '../support/test-keys.ts';

const program = join(import.meta.dirname, '../../bin/iam-emulator.js');

describe('iam-emulator', () => {
  const running: ChildProcessWithoutNullStreams[] = [];
  let folder: string;

  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'iam-emulator-'));
  });
  afterEach(() => {
    for (const child of running.splice(0)) child.kill('SIGKILL');
  });
  after(() => rmSync(folder, { recursive: true }));

  function run(...args: readonly string[]): ChildProcessWithoutNullStreams {
    const child = spawn(process.execPath, [program, ...args]);
    running.push(child);
    return child;
  }

  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    it(`prints its URL, answers there, and ends with 0 on ${signal}`, async () => {
      const file = join(folder, 'token');
      writeFileSync(file, 'y0_from-a-file\n');
      const child = run('--port', '0', '--oauth-token', file, '--lifetime', '60');
      const [line] = (await once(child.stdout, 'data')) as [Buffer];
      assert.match(line.toString(), /^http:\/\/127\.0\.0\.1:\d+\n$/);
      const response = await fetch(`${line.toString().trim()}/iam/v1/tokens`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: '{"yandexPassportOauthToken":"y0_from-a-file"}',
      });
      const { expiresAt } = (await response.json()) as { readonly expiresAt: string };
      const date = Date.parse(String(response.headers.get('date')));
      assert.ok(Math.abs(Date.parse(expiresAt) - date - 60_000) < 1_000);
      child.kill(signal);
      assert.deepEqual(await once(child, 'exit'), [0, null]);
    });
  }

  it('takes the JWTs of a key whose file it was given', async () => {
    const file = join(folder, 'key.json');
    writeFileSync(file, keyFile());
    const child = run('--service-account-key', file);
    const [line] = (await once(child.stdout, 'data')) as [Buffer];
    const endpoint = line.toString().trim();
    const installation = { endpoint, audience: `${endpoint}/iam/v1/tokens` };
    const tools = sourceTools({
      http: undiciHttp({ proxy: null, noProxy: [], certificates: null }),
      clock: realClock(),
    });
    const handed = { secret: keyFile(), settings: {} };
    const credential = await serviceAccountKeyKind.accept(handed, installation, tools);
    const source = serviceAccountKeyKind.open(credential, installation, tools);
    assert.ok((await source.exchange(new AbortController().signal, false)).ok);
  });

  const wrong: readonly (readonly [readonly string[], RegExp])[] = [
    [['--port', '70000'], /--port takes a whole number from 0 to 65535/],
    [['--port', 'x'], /--port takes a whole number/],
    [['--port'], /--port/],
    [['--lifetime', '0'], /--lifetime takes a whole number from 1 to 43200/],
    [['--lifetime', '1.5'], /--lifetime takes a whole number/],
    [['--oauth-token', '/nonexistent/token'], /\/nonexistent\/token cannot be read/],
    [['--oauth-token', '/dev/null'], /\/dev\/null is empty/],
    [['--service-account-key', '/nonexistent/key'], /\/nonexistent\/key cannot be read/],
    [['--service-account-key', '/dev/null'], /\/dev\/null is no authorized key/],
    [['--unknown'], /--unknown/],
    [['argument'], /argument/],
  ];
  for (const [args, message] of wrong) {
    it(`says what is wrong with ${args.join(' ')}, and ends with 2`, async () => {
      const child = run(...args);
      const [exited, out, error] = await Promise.all([
        once(child, 'exit'),
        text(child.stdout),
        text(child.stderr),
      ]);
      assert.deepEqual(exited, [2, null]);
      assert.equal(out, '');
      assert.match(error, /^iam-emulator: error: /);
      assert.match(error, message);
      assert.match(error, /^usage: iam-emulator /m);
    });
  }

  it('says how it is called when asked', async () => {
    const { stdout, code } = await ended(run('--help'));
    assert.equal(code, 0);
    assert.match(stdout, /^usage: iam-emulator /);
  });

  it('ends with 1 when the port is taken', async () => {
    const first = run();
    const [line] = (await once(first.stdout, 'data')) as [Buffer];
    const second = run('--port', new URL(line.toString()).port);
    const [exited, error] = await Promise.all([once(second, 'exit'), text(second.stderr)]);
    assert.deepEqual(exited, [1, null]);
    assert.match(error, /^iam-emulator: error: .*EADDRINUSE/);
  });
});
