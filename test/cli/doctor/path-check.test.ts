import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { shimMarker } from '../../../src/platform/program-candidates.ts';
import { type DoctorFixture, type Finding, useDoctorFixture } from './doctor-fixture.ts';

describe('doctor, for the programs in ~/.local/bin', () => {
  const { fixture, run, runChecks } = useDoctorFixture();
  const findPathResult = async (): Promise<Finding | undefined> =>
    (await runChecks()).findings.find(({ check }) => check === 'path');
  const installShim = ({ folder }: DoctorFixture, name: string): string => {
    const path = join(folder, '.local/bin', name);
    mkdirSync(join(folder, '.local/bin'), { recursive: true });
    writeFileSync(path, `#!/bin/sh\n${shimMarker}\n`);
    chmodSync(path, 0o755);
    return path;
  };

  it('C4: warns that PATH lacks the folder, with a command for the shell', async () => {
    installShim(fixture(), 'docker-credential-iam-token');
    for (const [shell, command] of [
      ['/bin/bash', `echo 'export PATH="$HOME/.local/bin:$PATH"' >> ~/.bashrc && . ~/.bashrc`],
      ['/usr/bin/zsh', `echo 'export PATH="$HOME/.local/bin:$PATH"' >> ~/.zshrc && . ~/.zshrc`],
      ['/usr/bin/fish', 'fish_add_path ~/.local/bin'],
      ['', `echo 'export PATH="$HOME/.local/bin:$PATH"' >> ~/.profile && . ~/.profile`],
    ] as const) {
      fixture().env['SHELL'] = shell;
      const result = await findPathResult();
      assert.deepEqual([result?.mark, result?.command], ['warning', command]);
      assert.match(result?.reason ?? '', /\.local\/bin is not in PATH: .*docker-credential-iam-token$/);
    }
  });

  it('C4: says so without a warning if nothing is installed there', async () => {
    const result = await findPathResult();
    assert.equal(result?.mark, 'skipped');
    assert.match(result.reason, /\.local\/bin is not in PATH/);
  });

  it('C4: accepts the folder in PATH, and warns of another yc before it', async () => {
    const { folder, env } = fixture();
    const path = installShim(fixture(), 'yc');
    env['PATH'] = `${join(folder, '.local/bin/')}:${process.env['PATH']}`;
    assert.equal((await findPathResult())?.mark, 'ok');
    const other = join(folder, 'other/yc');
    mkdirSync(join(folder, 'other'));
    writeFileSync(other, '#!/bin/sh\n');
    chmodSync(other, 0o755);
    env['PATH'] = `${join(folder, 'other')}:${env['PATH']}`;
    const result = await findPathResult();
    assert.deepEqual([result?.mark, result?.reason], ['warning', `${other} comes before ${path} in PATH`]);
  });

  it('C4: prints each violation of the configuration in a line of its own', async () => {
    const { env } = fixture();
    mkdirSync(join(env['XDG_CONFIG_HOME'] ?? '', 'iam-tokend'), { recursive: true });
    writeFileSync(
      join(env['XDG_CONFIG_HOME'] ?? '', 'iam-tokend/config.yaml'),
      'store: x\nlog: { level: y }\n',
    );
    const { stdout } = await run();
    assert.doesNotMatch(stdout, /\\u\{a\}/);
    assert.match(
      stdout,
      /^failed {3}configuration {2}\S*config\.yaml:1: .*\n {24}\S*config\.yaml:2: .*\n {24}hint: correct /m,
    );
  });
});
