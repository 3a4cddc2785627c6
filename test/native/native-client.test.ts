import assert from 'node:assert/strict';
import { chmodSync, copyFileSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { closedInspectorOption } from '../../src/platform/inspector-option.ts';
import { respondWith, ScriptedDaemon } from '../support/daemon/scripted-daemon.ts';
import { createTokenResult } from '../support/daemon/scripted-results.ts';
import {
  copyAlone,
  hasNativeClient,
  nativeClientPath,
  noClientMessage,
  runClient,
} from '../support/native/native-clients.ts';
import { useTemporaryFolder } from '../support/temporary-folder.ts';

/** `test/slow/native/contract.test.ts` compares all that it prints with the JavaScript client. */
describe('the native client', function () {
  const folder = useTemporaryFolder();
  const result = createTokenResult(3_600_000);
  let daemon: ScriptedDaemon;

  before(async function () {
    if (!hasNativeClient) this.skip();
    daemon = await ScriptedDaemon.start(respondWith({ token: result }));
  });
  after(() => daemon?.close());

  /** A Node that prints its command line, a variable, and its input. */
  const installNode = (path: string, name: string): void => {
    mkdirSync(path, { recursive: true });
    const script = `#!/bin/sh\necho ${name}\nprintf '%s\\n' "$@" "$CANARY"\ncat\n`;
    writeFileSync(join(path, 'node'), script);
    chmodSync(join(path, 'node'), 0o755);
  };

  /** The native client in a package. @returns its path */
  const installPackage = (): string => {
    const target = join(folder(), 'package/dist/native/target');
    for (const path of [target, join(target, '../../bin')]) mkdirSync(path, { recursive: true });
    copyFileSync(nativeClientPath(), join(target, 'iam-token'));
    chmodSync(join(target, 'iam-token'), 0o755);
    writeFileSync(join(folder(), 'package/dist/bin/iam-token.js'), '');
    return join(target, 'iam-token');
  };
  const scriptPath = (): string => join(folder(), 'package/dist/bin/iam-token.js');

  it('prints a token without Node, and without PATH', async () => {
    const client = copyAlone(nativeClientPath(), folder());
    const env = { IAM_TOKEND_SOCKET: daemon.socketPath };
    assert.deepEqual(await runClient([client], [], { env }), {
      code: 0,
      stdout: `${result.token}\n`,
      stderr: '',
    });
    assert.deepEqual(daemon.requests.at(-1), { v: 1, id: 1, method: 'token', params: {} });
  });

  it('hands over its arguments, environment and stdin to Node and the script of its package', async () => {
    installNode(join(folder(), 'programs'), 'node of PATH');
    const { stdout, code } = await runClient([installPackage()], ['login', '', 'a b', '--oauth'], {
      env: { PATH: `/nowhere:${folder()}/programs:/usr/bin:/bin`, CANARY: 'canary' },
      stdin: 'secret\n',
    });
    const lines = [
      'node of PATH',
      closedInspectorOption,
      scriptPath(),
      'login',
      '',
      'a b',
      '--oauth',
      'canary',
      'secret',
      '',
    ];
    assert.deepEqual({ lines: stdout.split('\n'), code }, { lines, code: 0 });
  });

  it('finds its package through links, whatever its name and the working directory are', async () => {
    installNode(join(folder(), 'programs'), 'node of PATH');
    const client = installPackage();
    symlinkSync(client, join(folder(), 'iam-token'));
    symlinkSync('iam-token', join(folder(), 'other-name'));
    mkdirSync(join(folder(), 'dist/bin'), { recursive: true });
    writeFileSync(join(folder(), 'dist/bin/iam-token.js'), '');
    const env = { PATH: join(folder(), 'programs') };
    const { stdout } = await runClient(['./other-name'], ['status'], { env, cwd: folder() });
    assert.equal(stdout.split('\n')[2], scriptPath());
  });

  it('takes no Node from the working directory, by a relative or an empty folder of PATH', async () => {
    installNode(folder(), 'node of the working directory');
    const client = installPackage();
    for (const PATH of ['', '.', ':', '::', 'programs', './', '../', `:${'x'.repeat(5_000)}`]) {
      const { stdout, stderr, code } = await runClient([client], ['status'], {
        env: { PATH },
        cwd: folder(),
      });
      assert.deepEqual({ stdout, stderr, code }, { stdout: '', stderr: noClientMessage, code: 1 }, PATH);
    }
    const { stderr } = await runClient([client], ['status'], { env: {}, cwd: folder() });
    assert.equal(stderr, noClientMessage);
  });

  it('prefers a Node beside itself, as in a package with its own', async () => {
    installNode(join(folder(), 'programs'), 'node of PATH');
    const client = installPackage();
    installNode(join(folder(), 'package/dist/native/target'), 'node of the package');
    const env = { PATH: join(folder(), 'programs') };
    const { stdout } = await runClient([client], ['status'], { env });
    assert.equal(stdout.split('\n')[0], 'node of the package');
  });

  it('passes over what is no program, and folders', async () => {
    installNode(join(folder(), 'programs'), 'node of PATH');
    mkdirSync(join(folder(), 'a/node'), { recursive: true });
    mkdirSync(join(folder(), 'b'));
    writeFileSync(join(folder(), 'b/node'), '', { mode: 0o644 });
    const env = { PATH: ['a', 'b', 'programs'].map((name) => join(folder(), name)).join(':') };
    const { stdout } = await runClient([installPackage()], ['status'], { env });
    assert.equal(stdout.split('\n')[0], 'node of PATH');
  });

  it('hands over docker’s input that it has read, and what follows', async () => {
    installNode(join(folder(), 'programs'), 'node of PATH');
    const stdin = `registry.example.com/${'x'.repeat(300_000)}`;
    const env = { PATH: `${folder()}/programs:/usr/bin:/bin` };
    const { stdout } = await runClient([installPackage()], ['docker-credential', 'get'], { env, stdin });
    assert.equal(stdout.split('\n').at(-1), stdin);
  });
});
