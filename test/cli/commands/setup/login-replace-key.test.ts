import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { version } from '../../../../src/shared/version.ts';
import { respondWith, ScriptedDaemon } from '../../../support/daemon/scripted-daemon.ts';
import { runInTerminal } from '../../../support/processes/pseudo-terminal.ts';
import { runCli } from '../../../support/processes/run-cli.ts';
import { useTemporaryFolder } from '../../../support/temporary-folder.ts';

const usedAt = '2026-11-24T08:04:05.000Z';
const loginResult = { profile: 'work', subject: 'aje0ada', expiresAt: '2026-11-24T22:04:05.000Z' };
const rotated = { profile: 'work', keyId: 'ajeknew', replacedKeyId: 'ajekold', replacedKey: 'deleted' };
const status = {
  daemon: {
    version,
    pid: 42,
    startedAt: '2026-11-24T08:00:00.000Z',
    store: { kind: 'keychain', state: 'open', problem: null },
  },
  profiles: [],
  next: null,
};

describe('iam-token login --replace-key', () => {
  const folder = useTemporaryFolder();
  let daemon: ScriptedDaemon;
  let path: string;

  beforeEach(async () => {
    daemon = await ScriptedDaemon.start(respondWith({}));
    setResults({});
    path = join(folder(), 'key.json');
    writeFileSync(path, '{}', { mode: 0o600 });
  });
  afterEach(() => daemon.close());

  function setResults(results: { readonly login?: object; readonly rotateKey?: object }): void {
    daemon.setScript(
      respondWith({
        hello: { version, protocol: 1 },
        status,
        login: { ...loginResult, ...results.login },
        rotateKey: { ...rotated, ...results.rotateKey },
      }),
    );
  }

  const run = (args: readonly string[], stdin = '') =>
    runCli(['login', '--service-account-key', ...args], { socket: daemon.socketPath, stdin });
  const calledMethods = (): readonly string[] => daemon.requests.map(({ method }) => method);

  it('replaces the key after the login, and says that the file is worthless', async () => {
    const { stdout, stderr, code } = await run([path, '--replace-key', '--yes']);
    const lines = stdout.trimEnd().split('\n');
    assert.equal(
      lines.at(-1),
      `replaced the key: ajeknew replaces ajekold; ${path} is worthless from now on`,
    );
    assert.deepEqual([stderr, code], ['', 0]);
    assert.deepEqual(calledMethods(), ['hello', 'status', 'login', 'rotateKey']);
    const params = daemon.requests[2]?.params as { readonly replaceKey?: boolean } | undefined;
    assert.equal(params?.replaceKey, true);
    assert.deepEqual(daemon.requests[3]?.params, { profile: 'work', keepReplacedKey: false });
  });

  it('keeps the old key with --keep-old-key, without a question', async () => {
    setResults({ rotateKey: { replacedKey: 'kept' } });
    const { stdout, code } = await run([path, '--replace-key', '--keep-old-key']);
    assert.match(stdout, /key\.json stays valid\n$/);
    assert.equal(code, 0);
    assert.deepEqual(daemon.requests[3]?.params, { profile: 'work', keepReplacedKey: true });
  });

  it('is a usage error without a terminal and without --yes, before the daemon is called', async () => {
    const { stdout, stderr, code } = await run([path, '--replace-key']);
    assert.deepEqual([stdout, code, calledMethods()], ['', 2, []]);
    assert.match(
      stderr,
      /requires --yes\niam-token: hint: iam-token login --service-account-key .*key\.json --replace-key --yes\n$/,
    );
  });

  it('reads the key from stdin with --yes only', async () => {
    assert.equal((await run(['-', '--replace-key'], '{}')).code, 2);
    assert.deepEqual(calledMethods(), []);
    const { stdout, code } = await run(['-', '--replace-key', '--yes'], '{}');
    assert.match(stdout, /the key file is worthless from now on\n$/);
    assert.equal(code, 0);
  });

  for (const [args, message] of [
    [['--oauth', '--stdin', '--replace-key'], /--replace-key requires --service-account-key/],
    [['--service-account-key', 'key.json', '--yes'], /--yes requires --replace-key/],
    [['--service-account-key', 'key.json', '--keep-old-key'], /--keep-old-key requires --replace-key/],
  ] as const) {
    it(`rejects ${args.join(' ')}`, async () => {
      const { stderr, code } = await runCli(['login', ...args], { socket: daemon.socketPath, stdin: '' });
      assert.match(stderr, message);
      assert.equal(code, 2);
    });
  }

  for (const [lastUse, text] of [
    [{ keyId: 'ajekold', usedAt, isThisLogin: false }, /this key was last used at .* ago\. Other programs/],
    [
      { keyId: 'ajekold', usedAt, isThisLogin: true },
      /the last recorded use of this key is this login, which hides earlier ones\. Other/,
    ],
    [
      { keyId: 'ajekold', usedAt: null, isThisLogin: false },
      /IAM has no record of when this key was last used\./,
    ],
    [undefined, /it is not known when this key was last used\./],
  ] as const) {
    it(`asks on a terminal, and says when the key was last used: ${text.source}`, async () => {
      setResults({ login: lastUse === undefined ? {} : { lastUse } });
      const args = ['login', '--service-account-key', path, '--replace-key'];
      const steps = [{ expect: '[y/N] ', type: ['\r'] }];
      const { screen, code } = await runInTerminal(args, steps, { socket: daemon.socketPath });
      assert.match(screen.replaceAll(/\s+/g, ' '), text);
      assert.match(screen, /is not replaced, and stays valid/);
      assert.equal(code, 0);
      assert.deepEqual(calledMethods(), ['hello', 'status', 'login']);
    });
  }

  it('replaces the key after a yes on a terminal', async () => {
    const args = ['login', '--service-account-key', path, '--replace-key'];
    const steps = [{ expect: '[y/N] ', type: ['y\r'] }];
    const { screen, code } = await runInTerminal(args, steps, { socket: daemon.socketPath });
    assert.match(screen, /is worthless from now on/);
    assert.equal(code, 0);
    assert.deepEqual(calledMethods().at(-1), 'rotateKey');
  });
});
