import assert from 'node:assert/strict';
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { createDirectHttpClient } from '../support/network/http-client-fixture.ts';
import { serviceAccountKeyKind } from '../../src/sources/kinds/service-account-key.ts';
import { waitForExit } from '../support/processes/process-result.ts';
import { createRealClock } from '../support/time/real-clock.ts';
import { createSourceTools } from '../support/iam/source-tools.ts';
import { formatKeyFile } from '../support/iam/test-keys.ts';

const program = join(import.meta.dirname, 'main.js');

describe('iam-emulator', () => {
  const children: ChildProcessWithoutNullStreams[] = [];
  let folder: string;

  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'iam-emulator-'));
  });
  afterEach(() => {
    for (const child of children.splice(0)) child.kill('SIGKILL');
  });
  after(() => rmSync(folder, { recursive: true }));

  function startEmulatorProcess(...args: readonly string[]): ChildProcessWithoutNullStreams {
    const child = spawn(process.execPath, [program, ...args]);
    children.push(child);
    return child;
  }

  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    it(`prints its URL, serves requests, and exits with 0 on ${signal}`, async () => {
      const file = join(folder, 'token');
      writeFileSync(file, 'y0_from-a-file\n');
      const child = startEmulatorProcess('--port', '0', '--oauth-token', file, '--lifetime', '60');
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

  it('accepts the JWTs of a key in a file', async () => {
    const file = join(folder, 'key.json');
    writeFileSync(file, formatKeyFile());
    const child = startEmulatorProcess('--service-account-key', file);
    const [line] = (await once(child.stdout, 'data')) as [Buffer];
    const endpoint = line.toString().trim();
    const installation = { endpoint, audience: `${endpoint}/iam/v1/tokens` };
    const tools = createSourceTools({
      http: createDirectHttpClient(),
      clock: createRealClock(),
    });
    const loginInput = { secret: formatKeyFile(), settings: {} };
    const credential = await serviceAccountKeyKind.createCredential(loginInput, installation, tools);
    const source = serviceAccountKeyKind.open(credential, installation, tools);
    assert.ok((await source.exchange(new AbortController().signal, false)).ok);
  });

  const invalidArguments: readonly (readonly [readonly string[], RegExp])[] = [
    [['--port', '70000'], /--port must be a whole number from 0 to 65535/],
    [['--port', 'x'], /--port must be a whole number/],
    [['--port'], /--port/],
    [['--lifetime', '0'], /--lifetime must be a whole number from 1 to 43200/],
    [['--lifetime', '1.5'], /--lifetime must be a whole number/],
    [['--oauth-token', '/nonexistent/token'], /\/nonexistent\/token cannot be read/],
    [['--oauth-token', '/dev/null'], /\/dev\/null is empty/],
    [['--service-account-key', '/nonexistent/key'], /\/nonexistent\/key cannot be read/],
    [['--service-account-key', '/dev/null'], /\/dev\/null is not an authorized key/],
    [['--unknown'], /--unknown/],
    [['argument'], /argument/],
  ];
  for (const [args, message] of invalidArguments) {
    it(`rejects ${args.join(' ')} with 2`, async () => {
      const child = startEmulatorProcess(...args);
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

  it('prints its usage with --help', async () => {
    const { stdout, code } = await waitForExit(startEmulatorProcess('--help'));
    assert.equal(code, 0);
    assert.match(stdout, /^usage: iam-emulator /);
  });

  it('exits with 1 if the port is in use', async () => {
    const first = startEmulatorProcess();
    const [line] = (await once(first.stdout, 'data')) as [Buffer];
    const second = startEmulatorProcess('--port', new URL(line.toString()).port);
    const [exited, error] = await Promise.all([once(second, 'exit'), text(second.stderr)]);
    assert.deepEqual(exited, [1, null]);
    assert.match(error, /^iam-emulator: error: .*EADDRINUSE/);
  });
});
