import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { version } from '../../../src/shared/version.ts';
import { formatKeyFile, getTestKey } from '../../support/iam/test-keys.ts';
import { hasNativeClient, nativeClientPath, runClient } from '../../support/native/native-clients.ts';
import { installTarball } from '../../support/processes/package-tarball.ts';
import { firstRelease, programsBelow } from '../../support/releases/first-release.ts';
import {
  builtPrograms,
  type CommandResult,
  oauthToken,
  startTestEnvironment,
  type TestEnvironment,
} from '../../support/test-environment.ts';

/** What both releases can do; with its stdin. */
const commonCommands: readonly (readonly [args: string, stdin?: string])[] = [
  ['login --oauth --stdin --profile other', oauthToken],
  [''],
  ['--min-ttl 10m --format json'],
  ['--format header --profile other'],
  ['create-token --format json'],
  ['profiles'],
  ['profiles --json'],
  ['status'],
  ['status --json'],
  ['use other'],
  ['refresh'],
  ['env'],
  ['exec -- true'],
  ['aws-credential-process'],
  ['docker-credential get', 'cr.yandex'],
  ['lock'],
  ['unlock'],
  ['logout --profile other'],
  ['stop'],
];

describe('19.6: a client and a daemon of two releases', () => {
  let folder: string;
  let programs: string;
  let testEnv: TestEnvironment;

  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'iam-tokend-releases-'));
    installTarball(folder, firstRelease);
  });
  after(() => rmSync(folder, { recursive: true }));
  afterEach(() => testEnv.stop());

  async function start(daemonPrograms: string, clientPrograms: string): Promise<void> {
    programs = daemonPrograms;
    testEnv = await startTestEnvironment({ store: 'memory', programsFolder: () => programs });
    await testEnv.startDaemon();
    programs = clientPrograms;
    await run('login --oauth --stdin', oauthToken);
  }
  async function run(args: string, stdin?: string): Promise<CommandResult> {
    const words = args.split(' ').filter((word) => word !== '');
    const result = await testEnv.iamToken(words, stdin);
    assert.equal(result.code, 0, `${args}: ${result.stderr}`);
    return result;
  }

  it('a client of 0.1.0 is served by this daemon, and names both versions', async () => {
    await start(builtPrograms, programsBelow(folder));
    for (const [args, stdin] of commonCommands) {
      const { stderr } = await run(args, stdin);
      if (args === 'status') {
        const warning = `warning: the daemon is of release ${version}, this client of 0.1.0`;
        assert.match(stderr, new RegExp(`${warning}\niam-token: hint: iam-token stop, then: iam-tokend &`));
      }
    }
  });

  it('this client is served by a daemon of 0.1.0, and names both versions', async () => {
    await start(programsBelow(folder), builtPrograms);
    for (const [args, stdin] of commonCommands) {
      const { stderr } = await run(args, stdin);
      if (args === 'status') {
        const warning = `warning: the daemon is version 0.1.0, this client is version ${version}`;
        assert.ok(stderr.includes(`${warning}\niam-token: hint: iam-token stop; iam-tokend &\n`), stderr);
      }
    }
  });

  it('the native client prints the token of a daemon of 0.1.0', async function () {
    if (!hasNativeClient) this.skip();
    await start(programsBelow(folder), builtPrograms);
    const { stdout } = await run('');
    const result = await runClient([nativeClientPath()], [], { env: testEnv.environment });
    assert.deepEqual(result, { stdout, stderr: '', code: 0 });
  });

  it('what a daemon of 0.1.0 does not support is refused, with the command that restarts it, and changes nothing', async () => {
    await start(programsBelow(folder), builtPrograms);
    const key = getTestKey(2048);
    testEnv.emulator.allowKey(key);
    const login = 'login --profile key --service-account-key -';
    const cases: readonly (readonly [args: string, feature: string, age?: string])[] = [
      ['profiles rename default other', 'the method rename'],
      ['rotate-key', 'the method rotateKey'],
      ['login --folder-id b1gfolder', 'a login without a credential', 'is version 0.1.0'],
      [`${login} --replace-key --yes`, '--replace-key', 'is version 0.1.0'],
    ];
    for (const [args, feature, age = 'is older than this client'] of cases) {
      const { stdout, stderr, code } = await testEnv.iamToken(args.split(' '), formatKeyFile(key));
      assert.deepEqual(
        { stdout, stderr: stderr.replace(/^iam-token: warning: .*\n.*\n/, ''), code },
        {
          stdout: '',
          stderr:
            `iam-token: error: the running daemon ${age} and does not support ${feature}\n` +
            'iam-token: hint: iam-token stop; iam-tokend &\n',
          code: 1,
        },
        args,
      );
    }
    const { stdout } = await run('profiles --json');
    assert.deepEqual(JSON.parse(stdout), {
      profiles: [{ profile: 'default', isDefault: true, kind: 'oauth' }],
    });
  });
});
