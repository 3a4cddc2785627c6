import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { programPlaces } from '../../src/platform/find-program.ts';
import { isExecutable } from '../../src/platform/surroundings.ts';
import { subjectOf } from '../../src/sources/token-subject.ts';
import { houseKinds } from '../support/house-kinds.ts';
import { listen, shut } from '../support/loopback.ts';
import { oauthToken, type Run, type RunningHouse, startHouse } from '../support/running-house.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { keyFile, testKey } from '../support/test-keys.ts';

const documents = ['README.md', 'RECIPES.md'].map((name) =>
  readFileSync(fileURLToPath(new URL(`../../../${name}`, import.meta.url)), 'utf8'),
);

/** The shell commands below a heading of README.md or RECIPES.md, one text for each block. */
function commandsUnder(heading: string): readonly string[] {
  const sections = documents.flatMap((document) => document.split(/^#{2,3} /m));
  const section = sections.find((text) => text.startsWith(`${heading}\n`)) ?? '';
  const blocks = [...section.matchAll(/^```(?:sh|bash)\n(.*?)^```$/gms)].map(([, text = '']) => text);
  assert.ok(blocks.length > 0, `there are commands under ${heading}`);
  return blocks;
}

describe('the recipes of README.md and RECIPES.md', () => {
  const folder = temporaryFolder();
  let house: RunningHouse;

  beforeEach(async () => {
    house = await startHouse({ store: 'memory' });
  });
  afterEach(async () => {
    // A recipe starts a daemon of its own.
    await house.iamToken(['stop']);
    await house.stop();
  });

  /** Runs commands as a person types them, in `folder`, with our programs and `programs` in PATH. */
  async function type(
    commands: string,
    more: Readonly<Record<string, string>> = {},
    programs: Readonly<Record<string, string>> = {},
  ): Promise<Run> {
    const bin = join(folder(), 'bin');
    mkdirSync(bin, { recursive: true });
    for (const name of ['iam-token', 'iam-tokend']) {
      const program = fileURLToPath(new URL(`../../bin/${name}.js`, import.meta.url));
      symlinkSync(program, join(bin, name));
    }
    for (const [name, text] of Object.entries(programs)) {
      writeFileSync(join(bin, name), text);
      chmodSync(join(bin, name), 0o755);
    }
    const env = {
      ...house.environment,
      PATH: [bin, process.env['PATH']].join(delimiter),
      TMPDIR: folder(),
      ...more,
    };
    const child = spawn('bash', ['-e', '-o', 'pipefail', '-c', commands], { env, cwd: folder() });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (piece: string) => (stdout += piece));
    child.stderr.setEncoding('utf8').on('data', (piece: string) => (stderr += piece));
    child.stdin.end();
    // Not `close`: the daemon that a recipe leaves behind holds the pipes.
    const [code] = (await once(child, 'exit')) as [number | null];
    return { stdout, stderr, code };
  }

  const subject = async (): Promise<string | null> => subjectOf((await house.iamToken()).stdout.trim());

  describe('“OAuth has ended”', () => {
    const [move = '', makeKey = ''] = commandsUnder('OAuth has ended');

    beforeEach(async () => {
      await house.startDaemon();
      await house.iamToken(['login', '--profile', 'mine', '--stdin'], oauthToken);
      house.emulator.allowOauthToken({ token: oauthToken, refusal: 'made_since_june_2026' });
    });

    it('says of a profile whose token is refused what its command moves away', async () => {
      const { stderr, code } = await house.iamToken(['refresh']);
      assert.equal(code, 4);
      assert.match(stderr, /--service-account-key FILE, --yc, --metadata .*--workload-identity/);
      assert.ok(stderr.includes(`hint: ${move.trim()}`), stderr);
    });

    it('moves that profile to a key, by one command', async () => {
      assert.equal(move.trim().split('\n').length, 1);
      house.emulator.allowKey(testKey());
      writeFileSync(join(folder(), 'key.json'), keyFile(), { mode: 0o600 });
      const { stderr, code } = await type(move);
      assert.equal(code, 0, stderr);
      assert.equal(await subject(), testKey().serviceAccountId);
      assert.match((await house.iamToken(['profiles'])).stdout, /^\* mine +service-account-key\n$/);
    });

    it('makes the key where there is none', async () => {
      house.emulator.allowKey(testKey());
      const made = join(folder(), 'made.json');
      writeFileSync(made, keyFile());
      const yc = `#!/bin/sh
        case "$*" in
          'iam service-account create --name my-laptop') ;;
          'iam key create --service-account-name my-laptop -o key.json')
            umask 077; cat '${made}' > key.json ;;
          *) echo "yc has no $*" >&2; exit 1 ;;
        esac`;
      const { stderr, code } = await type(makeKey + move, {}, { yc });
      assert.equal(code, 0, stderr);
      assert.equal(await subject(), testKey().serviceAccountId);
    });
  });

  describe('of workload identity', () => {
    const [run = ''] = commandsUnder('In a pod of Kubernetes');
    const [gitlab = '', github = ''] = commandsUnder('In CI');

    async function workload(): Promise<{ readonly serviceAccountId: string; readonly tokenFile: string }> {
      const furnish = houseKinds['workload-identity'] ?? assert.fail();
      const { args, subject } = await furnish(house, folder(), 0);
      return { serviceAccountId: subject, tokenFile: args[1] ?? '' };
    }

    it('works in a pod, where the token is a file', async () => {
      const { serviceAccountId, tokenFile } = await workload();
      const { stderr, code } = await type(run, { SA_ID: serviceAccountId, OIDC_TOKEN_FILE: tokenFile });
      assert.equal(code, 0, stderr);
      assert.equal(await subject(), serviceAccountId);
    });

    it('works in GitLab, where the token is a variable', async () => {
      const { serviceAccountId, tokenFile } = await workload();
      const token = readFileSync(tokenFile, 'utf8').trim();
      const { stderr, code } = await type(gitlab + run, { SA_ID: serviceAccountId, OIDC_TOKEN: token });
      assert.equal(code, 0, stderr);
      assert.equal(await subject(), serviceAccountId);
    });

    describe('in GitHub', () => {
      let server: Server;
      let port: number;
      let token = '';

      before(async () => {
        server = createServer(({ url = '', headers }, response) => {
          const isAsked = url === '/token?api-version=2.0&audience=ours';
          response.statusCode = isAsked && headers.authorization === 'Bearer ask' ? 200 : 403;
          response.end(JSON.stringify({ count: 1, value: token }));
        });
        port = await listen(server);
      });
      after(() => shut(server));

      it('works, where the token is at a URL', async function () {
        const { env, platform } = process;
        const places = programPlaces('curl', { env, platform, home: () => '/nowhere' });
        if (!places.some(isExecutable)) this.skip();
        const { serviceAccountId, tokenFile } = await workload();
        token = readFileSync(tokenFile, 'utf8').trim();
        const { stderr, code } = await type(github + run, {
          SA_ID: serviceAccountId,
          AUDIENCE: 'ours',
          ACTIONS_ID_TOKEN_REQUEST_TOKEN: 'ask',
          ACTIONS_ID_TOKEN_REQUEST_URL: `http://127.0.0.1:${port}/token?api-version=2.0`,
        });
        assert.equal(code, 0, stderr);
        assert.equal(await subject(), serviceAccountId);
      });
    });
  });
});
