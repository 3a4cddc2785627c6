import assert from 'node:assert/strict';
import { join } from 'node:path';
import { findHintLine } from '../../../conventions/hints/match-hint.ts';
import type { UserManager } from '../../../support/systems/user-manager.ts';
import type { UserService } from '../../../support/systems/user-service.ts';

/** Services of the user that call `iam-token`, in the sandboxes of systemd.exec(5). */
export function describeSandboxes(service: UserService): void {
  const run: UserManager['run'] = (argv, options) => service.userManager.run(argv, options);
  const unit = 'iam-token-caller.service';
  const startService = async (settings: readonly string[]) => {
    const { home } = service.userManager;
    const client = `${process.execPath} "${join(service.prefix, 'bin/iam-token').replaceAll('%', '%%')}"`;
    const lines = [
      ...[
        '[Service]',
        'Type=oneshot',
        `ExecStart=${client}`,
        'StandardOutput=file:%h/out',
        'StandardError=file:%h/err',
      ],
      ...settings,
    ];
    const folder = join(home, '.config/systemd/user');
    await run(['sh', '-c', `mkdir -p ${folder} && cat >${folder}/${unit}`], {
      stdin: `${lines.join('\n')}\n`,
    });
    await run(['systemctl', '--user', 'daemon-reload']);
    return readResult(await run(['systemctl', '--user', 'start', unit]));
  };
  const readResult = async ({ code }: { readonly code: number | null }) => {
    const read = async (name: string): Promise<string> =>
      (await run(['cat', join(service.userManager.home, name)])).stdout;
    const result = { code, stdout: await read('out'), stderr: await read('err') };
    await run(['sh', '-c', 'rm -f ~/out ~/err']);
    return result;
  };
  const removeService = async (): Promise<void> => {
    await run([
      'sh',
      '-c',
      `rm -rf ~/.config/systemd/user/${unit} ~/.config/systemd/user/${unit}.d ~/out ~/err`,
    ]);
    await run(['systemctl', '--user', 'reset-failed', unit]);
    await run(['systemctl', '--user', 'daemon-reload']);
  };

  for (const [title, settings, expected] of [
    [
      'ProtectHome=yes',
      ['PrivateUsers=yes', 'ProtectHome=yes'],
      'ProtectHome= of iam-token-caller.service hides /run/user/61234',
    ],
    [
      'ProtectHome=tmpfs',
      ['PrivateUsers=yes', 'ProtectHome=tmpfs'],
      'ProtectHome= of iam-token-caller.service hides /run/user/61234',
    ],
    [
      'RestrictAddressFamilies=AF_INET',
      ['RestrictAddressFamilies=AF_INET AF_INET6'],
      'RestrictAddressFamilies= of iam-token-caller.service forbids Unix sockets',
    ],
  ] as const) {
    it(`C7: names ${title} of a service that calls iam-token, with a command that mends it`, async () => {
      await service.installAndLogIn();
      try {
        const { code, stderr } = await startService(settings);
        assert.notEqual(code, 0);
        assert.ok(stderr.includes(`${expected}\n`), stderr);
        const dropIn =
          'service-sandbox.ts: mkdir -p ${} && ${} >${}/iam-tokend.conf && systemctl --user daemon-reload && systemctl --user restart ${}';
        const hint = findHintLine(dropIn, stderr);
        const mended = await readResult(await run(['sh', '-c', hint]));
        assert.deepEqual([mended.code, mended.stderr], [0, ''], hint);
        assert.match(mended.stdout, /^t1\./);
      } finally {
        await removeService();
      }
    });
  }

  it('C7: names ProtectHome= of a program of systemd-run, with the call that mends it', async () => {
    await service.installAndLogIn();
    const client = join(service.prefix, 'bin/iam-token');
    const properties = ['--collect', '--property=PrivateUsers=yes', '--property=ProtectHome=yes'];
    const call = [
      'systemd-run',
      '--user',
      '--quiet',
      '--wait',
      '--pipe',
      ...properties,
      process.execPath,
      client,
    ];
    const { stderr } = await run(call);
    assert.match(stderr, /: ProtectHome= of run-u\d+\.service hides \/run\/user\/61234\n/);
    const withProperty = 'service-sandbox.ts: systemd-run${} --wait --pipe --property=${}=${} iam-token';
    // The service has another PATH than the shell of a user.
    const hint = findHintLine(withProperty, stderr).replace(/iam-token$/, `${process.execPath} '${client}'`);
    const { stdout } = await run(['sh', '-c', hint]);
    assert.match(stdout, /^t1\./);
    await run(['rmdir', '/run/user/61234/systemd/transient']);
  });
}
