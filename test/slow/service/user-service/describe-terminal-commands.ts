import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runInTerminal, type TerminalStep } from '../../../support/processes/pseudo-terminal.ts';
import type { UserService } from '../../../support/systems/user-service.ts';
import { oauthToken } from '../../../support/test-environment.ts';

export function describeTerminalCommands(service: UserService): void {
  const runInUserTerminal = (args: readonly string[], steps: readonly TerminalStep[], env = {}) =>
    runInTerminal(args, steps, {
      program: service.userManager.command([process.execPath, join(service.prefix, 'bin/iam-token')], {
        TERM: 'xterm',
        ...env,
      }),
    });

  it('installs the service at login after a yes', async () => {
    const { screen, code } = await runInUserTerminal(
      ['login', '--oauth'],
      [
        { expect: 'install it as a service and start it? [Y/n]', type: ['\n'] },
        { expect: 'not shown', type: [oauthToken, '\n'] },
      ],
    );
    assert.equal(code, 0, screen);
    assert.match(screen, /logged in as /);
    assert.ok(!screen.includes(oauthToken));
    assert.match(await service.expectSuccess(service.iamToken()), /^t1\./);
  });

  it('does not install the service after a no, or without a terminal', async () => {
    const { screen, code } = await runInUserTerminal(['login'], [{ expect: '[Y/n]', type: ['n\n'] }]);
    assert.equal(code, 3);
    assert.match(screen, /hint: iam-token install/);
    assert.equal((await service.iamTokenWith(['login', '--stdin'], {}, oauthToken)).code, 3);
    assert.equal(await service.readUnitProperty('LoadState'), 'not-found');
  });

  it("saves the shell's proxy and certificates, and enables lingering", async () => {
    const fakeBinFolder = join(service.userManager.folder, 'fake');
    mkdirSync(fakeBinFolder);
    writeFileSync(
      join(fakeBinFolder, 'loginctl'),
      `#!/bin/sh\n[ "$1" = show-user ] && echo no || echo "$@" >>"$HOME/asked"\n`,
      { mode: 0o755 },
    );
    const { screen, code } = await runInUserTerminal(
      ['install'],
      [
        { expect: 'save them to', type: ['\n'] },
        { expect: 'stays locked until you log in', type: ['y\n'] },
      ],
      {
        HTTPS_PROXY: 'http://proxy.example:3128',
        NODE_EXTRA_CA_CERTS: '/etc/ssl/certs/ca-certificates.crt',
        PATH: `${fakeBinFolder}:/usr/local/bin:/usr/bin:/bin`,
      },
    );
    assert.equal(code, 0, screen);
    assert.equal(readFileSync(join(service.userManager.home, 'asked'), 'utf8'), 'enable-linger\n');
    await service.userManager.run(['rm', join(service.userManager.home, 'asked')]);
    assert.match(
      readFileSync(join(service.userManager.home, '.config/iam-tokend/config.yaml'), 'utf8'),
      /proxy/,
    );
  });
}
