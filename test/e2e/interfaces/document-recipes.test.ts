import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { programCandidates } from '../../../src/platform/program-candidates.ts';
import { isExecutable } from '../../../src/platform/process-context.ts';
import { subjectOf } from '../../../src/sources/exchange/token-subject.ts';
import { readCommandBlocks } from '../../support/documents.ts';
import { credentialFixtures } from '../../support/iam/credential-fixtures.ts';
import { waitForExit } from '../../support/processes/process-result.ts';
import { listenOnLoopback, closeServer } from '../../support/network/loopback.ts';
import {
  oauthToken,
  type CommandResult,
  type TestEnvironment,
  startTestEnvironment,
} from '../../support/test-environment.ts';
import { useTemporaryFolder } from '../../support/temporary-folder.ts';
import { formatKeyFile, getTestKey } from '../../support/iam/test-keys.ts';

describe('recipes in USAGE.md and RECIPES.md', () => {
  const folder = useTemporaryFolder();
  let testEnv: TestEnvironment;

  beforeEach(async () => {
    testEnv = await startTestEnvironment({ store: 'memory' });
  });
  afterEach(async () => {
    // Some recipes start a daemon.
    await testEnv.iamToken(['stop']);
    await testEnv.stop();
  });

  /** Runs commands with bash in `folder`, with iam-token, iam-tokend and `programs` in PATH. */
  async function runCommands(
    commands: string,
    extraEnvironment: Readonly<Record<string, string>> = {},
    programs: Readonly<Record<string, string>> = {},
  ): Promise<CommandResult> {
    const bin = join(folder(), 'bin');
    mkdirSync(bin, { recursive: true });
    for (const name of ['iam-token', 'iam-tokend']) {
      const program = fileURLToPath(new URL(`../../../bin/${name}.js`, import.meta.url));
      symlinkSync(program, join(bin, name));
    }
    for (const [name, text] of Object.entries(programs)) {
      writeFileSync(join(bin, name), text);
      chmodSync(join(bin, name), 0o755);
    }
    const env = {
      ...testEnv.environment,
      PATH: [bin, process.env['PATH']].join(delimiter),
      TMPDIR: folder(),
      ...extraEnvironment,
    };
    const child = spawn('bash', ['-e', '-o', 'pipefail', '-c', commands], { env, cwd: folder() });
    // A CI job ends at the end of its pipes too, which a daemon must not hold.
    return waitForExit(child);
  }

  const readSubject = async (): Promise<string | null> => subjectOf((await testEnv.iamToken()).stdout.trim());

  describe('OAuth has ended', () => {
    const [moveCommands = '', createKeyCommands = ''] = readCommandBlocks('OAuth has ended');

    beforeEach(async () => {
      await testEnv.startDaemon();
      await testEnv.iamToken(['login', '--profile', 'mine', '--stdin'], oauthToken);
      testEnv.emulator.allowOauthToken({ token: oauthToken, rejectionReason: 'made_since_june_2026' });
    });

    it('shows the command of the hint for a rejected OAuth token', async () => {
      const { stderr, code } = await testEnv.iamToken(['refresh']);
      assert.equal(code, 4);
      assert.match(stderr, /--service-account-key FILE, --yc, --metadata .*--workload-identity/);
      assert.ok(stderr.includes(`hint: ${moveCommands.trim().replace('key.json', 'FILE')}`), stderr);
    });

    it('switches a profile to a key with one command', async () => {
      assert.equal(moveCommands.trim().split('\n').length, 1);
      testEnv.emulator.allowKey(getTestKey());
      writeFileSync(join(folder(), 'key.json'), formatKeyFile(), { mode: 0o600 });
      const { stderr, code } = await runCommands(moveCommands);
      assert.equal(code, 0, stderr);
      assert.equal(await readSubject(), getTestKey().serviceAccountId);
      assert.match((await testEnv.iamToken(['profiles'])).stdout, /^\* mine +\S+ +key +ok /m);
    });

    it('creates a key', async () => {
      testEnv.emulator.allowKey(getTestKey());
      const keyPath = join(folder(), 'created.json');
      writeFileSync(keyPath, formatKeyFile());
      const yc = `#!/bin/sh
        case "$*" in
          'iam service-account create --name my-laptop') ;;
          'iam key create --service-account-name my-laptop -o key.json')
            umask 077; cat '${keyPath}' > key.json ;;
          *) echo "yc has no $*" >&2; exit 1 ;;
        esac`;
      const { stderr, code } = await runCommands(createKeyCommands + moveCommands, {}, { yc });
      assert.equal(code, 0, stderr);
      assert.equal(await readSubject(), getTestKey().serviceAccountId);
    });
  });

  describe('workload identity', () => {
    const [podCommands = ''] = readCommandBlocks('Kubernetes pods');
    const [gitlabCommands = '', githubCommands = ''] = readCommandBlocks('CI');

    async function createWorkload(): Promise<{
      readonly serviceAccountId: string;
      readonly tokenFile: string;
    }> {
      const createFixture = credentialFixtures['workload-identity'] ?? assert.fail();
      const { args, subject: accountSubject } = await createFixture(testEnv, folder(), 0);
      return { serviceAccountId: accountSubject, tokenFile: args[1] ?? '' };
    }

    it('B10: works in a Kubernetes pod, with a token from a file, and ends its pipes', async () => {
      const { serviceAccountId, tokenFile } = await createWorkload();
      const { stderr, code } = await runCommands(podCommands, {
        SA_ID: serviceAccountId,
        OIDC_TOKEN_FILE: tokenFile,
      });
      assert.equal(code, 0, stderr);
      assert.equal(await readSubject(), serviceAccountId);
    });

    it('B10: works in GitLab, with a token from a variable, and ends its pipes', async () => {
      const { serviceAccountId, tokenFile } = await createWorkload();
      const token = readFileSync(tokenFile, 'utf8').trim();
      const { stderr, code } = await runCommands(gitlabCommands + podCommands, {
        SA_ID: serviceAccountId,
        OIDC_TOKEN: token,
      });
      assert.equal(code, 0, stderr);
      assert.equal(await readSubject(), serviceAccountId);
    });

    describe('GitHub', () => {
      let server: Server;
      let port: number;
      let token = '';

      before(async () => {
        server = createServer(({ url = '', headers }, response) => {
          const isTokenRequest = url === '/token?api-version=2.0&audience=ours';
          response.statusCode =
            isTokenRequest && headers.authorization === 'Bearer request-token' ? 200 : 403;
          response.end(JSON.stringify({ count: 1, value: token }));
        });
        port = await listenOnLoopback(server);
      });
      after(() => closeServer(server));

      it('works with a token from a URL', async function () {
        const { env, platform } = process;
        const curlPaths = programCandidates('curl', { env, platform, home: () => '/nowhere' });
        if (!curlPaths.some(isExecutable)) this.skip();
        const { serviceAccountId, tokenFile } = await createWorkload();
        token = readFileSync(tokenFile, 'utf8').trim();
        const { stderr, code } = await runCommands(githubCommands + podCommands, {
          SA_ID: serviceAccountId,
          AUDIENCE: 'ours',
          ACTIONS_ID_TOKEN_REQUEST_TOKEN: 'request-token',
          ACTIONS_ID_TOKEN_REQUEST_URL: `http://127.0.0.1:${port}/token?api-version=2.0`,
        });
        assert.equal(code, 0, stderr);
        assert.equal(await readSubject(), serviceAccountId);
      });
    });
  });
});
