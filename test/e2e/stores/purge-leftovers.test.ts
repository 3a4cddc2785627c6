import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { isSystemdRunning } from '../../../src/platform/service-manager.ts';
import { processContext } from '../../../src/platform/process-context.ts';
import {
  type CommandResult,
  oauthToken,
  type TestEnvironment,
  startTestEnvironment,
} from '../../support/test-environment.ts';

type Purge = (testEnv: TestEnvironment) => Promise<CommandResult>;

async function purgeByDaemon(testEnv: TestEnvironment): Promise<CommandResult> {
  await testEnv.stopDaemon();
  return testEnv.iamTokend(['--purge']);
}

const purges: readonly (readonly [name: string, purge: Purge])[] = [
  ['iam-tokend --purge', purgeByDaemon],
  ['iam-token uninstall --purge', (testEnv) => testEnv.iamToken(['uninstall', '--purge'])],
];

for (const [command, purge] of purges) {
  describe(`${command} of a daemon that was started by hand`, () => {
    let testEnv: TestEnvironment;
    let filesBefore: string;
    const keyPath = (): string => join(testEnv.folder, 'keys', 'store.key');
    const config = (folder: string, text = ''): string =>
      `store: file\nfile: { key: { key-file: ${join(folder, 'keys', 'store.key')} } }\n${text}`;

    const listFiles = (): string =>
      readdirSync(testEnv.folder, { recursive: true })
        .map(String)
        .filter((name) => !/^(config|state)(\/iam-tokend(\/config\.yaml)?)?$/.test(name))
        .toSorted()
        .join('\n');

    function writeConfig(text: string): void {
      writeFileSync(join(testEnv.folder, 'config', 'iam-tokend', 'config.yaml'), text);
    }

    beforeEach(async function () {
      // There it would remove the service of this machine.
      if (command.startsWith('iam-token ') && isSystemdRunning(processContext())) this.skip();
      testEnv = await startTestEnvironment({ store: 'file' });
      mkdirSync(dirname(keyPath()), { mode: 0o700 });
      filesBefore = listFiles();
      writeConfig(config(testEnv.folder, 'http: { socket: true }\n'));
    });
    afterEach(() => testEnv?.stop());

    async function startAndLogIn(args: readonly string[] = []): Promise<void> {
      await testEnv.startDaemon(args);
      const socketArgs = args.includes('--socket') ? args : [];
      const { code, stderr } = await testEnv.iamToken(['login', '--stdin', ...socketArgs], oauthToken);
      assert.equal(code, 0, stderr);
    }

    async function expectPurged(
      expectedStderr = /^(iam-token: stopped the running daemon .*\n)?$/,
    ): Promise<void> {
      const { code, stderr } = await purge(testEnv);
      assert.equal(code, 0, stderr);
      assert.match(stderr, expectedStderr);
      assert.ok(!existsSync(join(testEnv.folder, 'config', 'iam-tokend')));
      assert.ok(!existsSync(join(testEnv.folder, 'state', 'iam-tokend')));
    }

    it('E13: leaves nothing of its sockets and its file store', async () => {
      await startAndLogIn();
      assert.ok(existsSync(keyPath()));
      await expectPurged();
      assert.equal(listFiles(), filesBefore);
    });

    it('E13: leaves nothing of a socket that was named with --socket', async () => {
      await startAndLogIn(['--socket', join(testEnv.folder, 'own', 'ipc.sock')]);
      await expectPurged();
      assert.equal(listFiles(), filesBefore);
    });

    it('E13: keeps the files and sockets of other programs in the folder of its socket', async () => {
      await startAndLogIn();
      const folder = dirname(testEnv.socketPath);
      writeFileSync(join(folder, 'notes'), 'precious');
      const otherServer = createServer().listen(join(folder, 'other.sock'));
      await once(otherServer, 'listening');
      await expectPurged();
      assert.deepEqual(readdirSync(folder).toSorted(), ['notes', 'other.sock']);
      assert.equal(readFileSync(join(folder, 'notes'), 'utf8'), 'precious');
      otherServer.close();
    });

    if (command.startsWith('iam-token ')) {
      it('E13: removes the units and their links although their manager is not running', async () => {
        const units = join(testEnv.folder, 'config', 'systemd', 'user');
        for (const [unit, target] of [
          ['iam-tokend.service', 'default.target.wants'],
          ['iam-tokend.socket', 'sockets.target.wants'],
        ] as const) {
          mkdirSync(join(units, target), { recursive: true });
          writeFileSync(join(units, unit), '');
          symlinkSync(join(units, unit), join(units, target, unit));
        }
        writeFileSync(join(units, 'default.target.wants', 'other.service'), '');
        await expectPurged();
        assert.deepEqual(readdirSync(units, { recursive: true }).map(String).toSorted(), [
          'default.target.wants',
          'default.target.wants/other.service',
        ]);
      });
    }

    // The daemon's program removes the rest for both.
    if (purge !== purgeByDaemon) return;

    it('E13: leaves nothing of a daemon that was killed', async () => {
      await startAndLogIn();
      await testEnv.stopDaemon('SIGKILL');
      await expectPurged();
      assert.equal(listFiles(), filesBefore);
    });

    it('E13: deletes the key file although config.yaml is invalid', async () => {
      await startAndLogIn();
      await testEnv.stopDaemon();
      writeConfig(config(testEnv.folder, 'colour: red\n'));
      await expectPurged();
      assert.equal(listFiles(), filesBefore);
    });

    it('E13: keeps a socket that another program listens on in its place', async () => {
      await startAndLogIn();
      await testEnv.stopDaemon();
      const otherServer = createServer().listen(testEnv.socketPath);
      await once(otherServer, 'listening');
      await testEnv.iamTokend(['--purge']);
      assert.ok(existsSync(testEnv.socketPath));
      otherServer.close();
    });

    for (const [what, bytes] of [
      ['longer than those of iam-tokend', Buffer.alloc(411, 'a key for ssh\n')],
      ['shorter', Buffer.from('precious')],
    ] as const) {
      it(`E13: keeps a key file that is ${what}, and names it`, async () => {
        writeFileSync(keyPath(), bytes, { mode: 0o600 });
        await testEnv.startDaemon();
        await testEnv.iamToken(['login', '--stdin'], oauthToken);
        await expectPurged(
          new RegExp(`warning: kept the key file ${keyPath()}: iam-tokend did not create it\n`),
        );
        assert.deepEqual(readFileSync(keyPath()), bytes);
      });
    }

    it('E13: keeps what a link in place of its key file leads to, and names the link', async () => {
      await startAndLogIn();
      await testEnv.stopDaemon();
      const target = join(testEnv.folder, 'target');
      writeFileSync(target, readFileSync(keyPath()), { mode: 0o600 });
      const link = join(testEnv.folder, 'link');
      symlinkSync(target, link);
      writeConfig(`store: file\nfile: { key: { key-file: ${link} } }\n`);
      await expectPurged(/warning: kept the key file \S+\/link: iam-tokend did not create it\n/);
      assert.ok(existsSync(link));
    });
  });
}
