import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import {
  createNativeLink,
  isNativeLink,
  removeNativeLink,
} from '../../../../src/cli/commands/setup/native-link.ts';
import { processContext } from '../../../../src/platform/process-context.ts';
import { hasNativeClient, nativeClientPath } from '../../../support/native/native-clients.ts';
import { type CliResult, clientBundle, runCli } from '../../../support/processes/run-cli.ts';
import { useTemporaryFolder } from '../../../support/temporary-folder.ts';

describe('iam-token install --client-only', () => {
  const folder = useTemporaryFolder();
  const linkPath = (): string => join(folder(), '.local/bin/iam-token');

  before(function () {
    if (!hasNativeClient) this.skip();
  });

  function install(path: readonly string[] = [], ...args: readonly string[]): Promise<CliResult> {
    const env = { HOME: folder(), PATH: [...path, '/usr/bin', '/bin'].join(':') };
    return runCli(['install', '--client-only', ...args], { env });
  }

  function writeProgram(path: string): string {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, '#!/bin/sh\n');
    chmodSync(path, 0o755);
    return path;
  }

  it('links the native client into ~/.local/bin, and puts the docker helper there', async () => {
    for (const run of ['first', 'again']) {
      const { code, stdout, stderr } = await install([dirname(linkPath())]);
      const helper = join(folder(), '.local/bin/docker-credential-iam-token');
      const expected = `installed, without a service: ${linkPath()}, ${helper}\n`;
      assert.deepEqual({ code, stdout, stderr }, { code: 0, stdout: expected, stderr: '' }, run);
      assert.equal(readlinkSync(linkPath()), nativeClientPath());
      assert.match(readFileSync(helper, 'utf8'), /exec "\$native" docker-credential "\$@"/);
    }
  });

  it('says that ~/.local/bin is not in PATH, or that another client comes first', async () => {
    assert.match(
      (await install()).stderr,
      /^iam-token: the native client is in ~\/\.local\/bin, which is not in your PATH\n/,
    );
    const other = writeProgram(join(folder(), 'npm/iam-token'));
    const { stderr } = await install([dirname(other), dirname(linkPath())]);
    assert.ok(
      stderr.startsWith(
        `iam-token: the native client is in ~/.local/bin, but ${other} comes first in your PATH\n`,
      ),
    );
  });

  it('does not overwrite another program', async () => {
    writeProgram(linkPath());
    const { code, stderr } = await install();
    assert.equal(code, 0);
    assert.match(stderr, /iam-token belongs to another program and was left unchanged/);
    assert.match(
      stderr,
      /^iam-token: hint: ln -sf '.*\/dist\/native\/\S+\/iam-token' '.*\/\.local\/bin\/iam-token'$/m,
    );
    assert.equal(readFileSync(linkPath(), 'utf8'), '#!/bin/sh\n');
    const [, command = ''] = /^iam-token: hint: (ln .*)$/m.exec(stderr) ?? [];
    execFileSync('sh', ['-c', command]);
    assert.equal(readlinkSync(linkPath()), nativeClientPath());
  });

  it('prints in a dry run what it would do, and changes nothing', async () => {
    const { code, stdout } = await install([], '--dry-run');
    assert.equal(code, 0);
    assert.ok(stdout.endsWith(`\nln -sf '${nativeClientPath()}' '${linkPath()}'\n`), stdout);
    assert.ok(!existsSync(join(folder(), '.local')));
  });

  it('is refused together with --system', async () => {
    const { code, stderr } = await install([], '--system');
    assert.equal(code, 2);
    assert.match(stderr, /--client-only cannot be combined with --system/);
  });

  it('is named by doctor, which says which client runs, and why', async () => {
    const runDoctor = async (...path: readonly string[]): Promise<string> => {
      const env = { HOME: folder(), PATH: [...path, '/bin'].join(':') };
      const { stdout } = await runCli(['doctor', '--json'], { env });
      const { checks } = JSON.parse(stdout) as { checks: readonly { check: string; reason: string }[] };
      return checks.find(({ check }) => check === 'client')?.reason ?? '';
    };
    const other = writeProgram(join(folder(), 'npm/iam-token'));
    const localBin = dirname(linkPath());
    assert.match(
      await runDoctor(dirname(other)),
      /; \S+\/npm\/iam-token runs Node at each call: ~\/\.local\/bin has no link to the native client$/,
    );
    await install();
    assert.match(await runDoctor(localBin), /; \S+\/\.local\/bin\/iam-token runs the native client$/);
    assert.match(
      await runDoctor(),
      /; \S+\/\.local\/bin\/iam-token runs the native client, but is not in PATH$/,
    );
    assert.match(
      await runDoctor(dirname(other), localBin),
      /npm\/iam-token runs Node at each call: it comes before \S+\/\.local\/bin\/iam-token in PATH$/,
    );
  });
});

describe('the link to the native client', () => {
  const folder = useTemporaryFolder();
  const path = (): string => join(folder(), '.local/bin/iam-token');
  const context = () => ({ ...processContext(), home: () => folder(), env: { PATH: dirname(path()) } });
  const target = '/opt/other/dist/native/linux-x64/iam-token';

  it('is recognized by where it leads, even if the package is gone, and removed', async () => {
    await createNativeLink({ path: path(), target }, context());
    assert.ok(isNativeLink(path()));
    removeNativeLink(context());
    assert.ok(!existsSync(path()));
    removeNativeLink(context());
  });

  it('is told from other links and files, which stay', () => {
    mkdirSync(dirname(path()), { recursive: true });
    for (const other of ['/usr/lib/node_modules/iam-tokend/dist/bin/iam-token.js', '/usr/bin/iam-token']) {
      symlinkSync(other, path());
      removeNativeLink(context());
      assert.equal(readlinkSync(path()), other);
      symlinkSync(target, `${path()}.new`);
      assert.ok(!isNativeLink(path()));
      assert.ok(isNativeLink(`${path()}.new`));
      for (const link of [path(), `${path()}.new`]) rmSync(link);
    }
  });
});

describe('docker-credential-iam-token, a program of the package', () => {
  it('runs iam-token docker-credential', () => {
    const program = join(dirname(clientBundle), 'docker-credential-iam-token.js');
    assert.match(
      execFileSync(program, ['list'], { encoding: 'utf8' }),
      /^\{"registry\.yandexcloud\.net":"iam",/,
    );
  });
});
