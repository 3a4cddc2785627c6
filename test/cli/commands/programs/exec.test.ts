import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runInTerminal } from '../../../support/processes/pseudo-terminal.ts';
import { clientBundle, type CliResult, buildCleanEnv, runCli } from '../../../support/processes/run-cli.ts';
import {
  respondWith,
  failWith,
  type Script,
  ScriptedDaemon,
} from '../../../support/daemon/scripted-daemon.ts';
import { createStatusResult, createTokenResult } from '../../../support/daemon/scripted-results.ts';
import { useTemporaryFolder } from '../../../support/temporary-folder.ts';

const token = createTokenResult(12 * 60 * 60_000);
const tokenVariablePattern = /^(?:YC_|IAM_TOKEN(?:=|$))/;

describe('iam-token exec', () => {
  const folder = useTemporaryFolder();
  let daemon: ScriptedDaemon;

  beforeEach(async () => {
    daemon = await ScriptedDaemon.start(respondWith({ token, ...createStatusResult({}) }));
  });
  afterEach(() => daemon.close());

  const exec = (args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<CliResult> =>
    runCli(['exec', ...args], { socket: daemon.socketPath, env });
  const readChildEnvironment = async (args: readonly string[] = [], env = {}): Promise<readonly string[]> => {
    const { stdout, code } = await exec([...args, '--', 'env'], env);
    assert.equal(code, 0);
    return stdout
      .split('\n')
      .filter((line) => tokenVariablePattern.test(line))
      .toSorted();
  };
  const tokenLines = [`IAM_TOKEN=${token.token}`, `YC_IAM_TOKEN=${token.token}`, `YC_TOKEN=${token.token}`];

  it('sets three variables to the token, and none that the profile does not have', async () => {
    assert.deepEqual(await readChildEnvironment(), tokenLines);
  });

  it('sets the cloud and folder of the profile, and the metadata address if that is on', async () => {
    daemon.setScript(
      respondWith({
        token,
        ...createStatusResult(
          { cloudId: 'b1gcloud', folderId: 'b1gfolder' },
          { metadataAddress: '127.0.0.1:8099' },
        ),
      }),
    );
    assert.deepEqual(await readChildEnvironment(), [
      tokenLines[0],
      'YC_CLOUD_ID=b1gcloud',
      'YC_FOLDER_ID=b1gfolder',
      tokenLines[1],
      'YC_METADATA_ADDR=127.0.0.1:8099',
      tokenLines[2],
    ]);
    assert.deepEqual(daemon.requests.at(-1)?.params, { profile: 'work' });
  });

  it('does not set the metadata address for a profile other than the default one', async () => {
    const nonDefaultProfile = { isDefault: false };
    daemon.setScript(
      respondWith({ token, ...createStatusResult(nonDefaultProfile, { metadataAddress: '127.0.0.1:8099' }) }),
    );
    assert.deepEqual(await readChildEnvironment(), tokenLines);
  });

  it('B11: sets the metadata address and no token with --metadata-only, and requests none', async () => {
    daemon.setScript(
      respondWith({ ...createStatusResult({ cloudId: 'b1gcloud' }, { metadataAddress: '127.0.0.1:8099' }) }),
    );
    const outerToken = { YC_TOKEN: 't1.outer', YC_IAM_TOKEN: 't1.outer', IAM_TOKEN: 't1.outer' };
    assert.deepEqual(await readChildEnvironment(['--metadata-only'], outerToken), [
      'YC_CLOUD_ID=b1gcloud',
      'YC_METADATA_ADDR=127.0.0.1:8099',
    ]);
    assert.deepEqual(
      daemon.requests.map(({ method }) => method),
      ['status'],
    );
  });

  for (const [what, profile, status, error] of [
    [
      'the metadata address is off',
      {},
      {},
      'the metadata address is off\niam-token: hint: set metadata: { listen: "127.0.0.1:8099" } in config.yaml and restart iam-tokend',
    ],
    [
      'the profile is not the default one',
      { isDefault: false },
      { metadataAddress: '127.0.0.1:8099' },
      'the metadata address serves the default profile only, not work\niam-token: hint: iam-token use work',
    ],
  ] as const) {
    it(`B11: rejects --metadata-only if ${what}`, async () => {
      daemon.setScript(respondWith(createStatusResult(profile, status)));
      const { stdout, stderr, code } = await exec(['--profile', 'work', '--metadata-only', '--', 'env']);
      assert.deepEqual([stdout, stderr, code], ['', `iam-token: error: ${error}\n`, 2]);
    });
  }

  for (const [env, expected] of [
    [{}, []],
    [{ http_proxy: 'http://proxy:3128' }, ['NO_PROXY=127.0.0.1', 'no_proxy=127.0.0.1']],
    [
      { HTTP_PROXY: 'http://proxy:3128', NO_PROXY: 'a.example, 127.0.0.1' },
      ['NO_PROXY=a.example,127.0.0.1', 'no_proxy=a.example,127.0.0.1'],
    ],
  ] as const) {
    it(`B11: excludes the metadata address from the proxy of ${JSON.stringify(env)}`, async () => {
      daemon.setScript(
        respondWith({ token, ...createStatusResult({}, { metadataAddress: '127.0.0.1:8099' }) }),
      );
      const { stdout } = await exec(['--', 'env'], env);
      assert.deepEqual(
        stdout
          .split('\n')
          .filter((line) => /^no_proxy=/i.test(line))
          .toSorted(),
        expected,
      );
    });
  }

  it('keeps the rest of the environment, and ignores an invalid id or address', async () => {
    daemon.setScript(
      respondWith({
        token,
        ...createStatusResult({ cloudId: 'a\nb' }, { metadataAddress: 'here; rm -rf /' }),
      }),
    );
    assert.deepEqual(await readChildEnvironment([], { YC_FOLDER_ID: 'mine', YC_TOKEN: 'old' }), [
      tokenLines[0],
      'YC_FOLDER_ID=mine',
      ...tokenLines.slice(1),
    ]);
  });

  it('accepts a metadata address on this machine only', async () => {
    for (const metadataAddress of ['example.com:80', '127.0.0.1.example.com:80', '\x1b[2J:80', '[::]:80']) {
      daemon.setScript(respondWith({ token, ...createStatusResult({}, { metadataAddress }) }));
      assert.deepEqual(await readChildEnvironment(), tokenLines, metadataAddress);
    }
  });

  it('requests the given profile and lifetime', async () => {
    await exec(['--profile=--help', '--min-ttl', '1h', '--', 'true']);
    assert.deepEqual(daemon.requests[0]?.params, { profile: '--help', minTtlMs: 3_600_000 });
  });

  it('passes arguments, streams and the exit code through unchanged', async () => {
    const script = 'cat; printf "[%s]" "$@"; echo said >&2; exit 42';
    const { stdout, stderr, code } = await runCli(
      ['exec', '--', 'sh', '-c', script, 'sh', '--profile', 'a b', '', '--', "'"],
      { socket: daemon.socketPath, stdin: 'read ' },
    );
    assert.deepEqual([stdout, stderr, code], ["read [--profile][a b][][--][']", 'said\n', 42]);
  });

  it('exits like a shell if a signal ends the command', async () => {
    assert.equal((await exec(['--', 'sh', '-c', 'kill -TERM $$'])).code, 128 + 15);
    assert.equal((await exec(['--', 'sh', '-c', 'kill -KILL $$'])).code, 128 + 9);
  });

  it('exits with 127 for a missing program and 126 for one that is not executable', async () => {
    const nonExecutablePath = join(folder(), 'plain');
    writeFileSync(nonExecutablePath, 'no program\n');
    const execProgram = async (program: string): Promise<readonly unknown[]> => {
      const { stdout, stderr, code } = await exec(['--', program]);
      return [stdout, stderr, code];
    };
    assert.deepEqual(await execProgram('no-such-program'), [
      '',
      'iam-token: error: command not found: no-such-program\n',
      127,
    ]);
    assert.deepEqual(await execProgram(`${nonExecutablePath}/below`), [
      '',
      `iam-token: error: command not found: ${nonExecutablePath}/below\n`,
      127,
    ]);
    for (const path of [nonExecutablePath, folder()]) {
      assert.deepEqual(await execProgram(path), ['', `iam-token: error: not executable: ${path}\n`, 126]);
    }
    chmodSync(nonExecutablePath, 0o755);
    writeFileSync(nonExecutablePath, 'exit 3\n');
    assert.equal(
      (await execProgram(nonExecutablePath))[2],
      3,
      'a script without a shebang is run by sh, as in a shell',
    );
    assert.match((await execProgram('')).join(), /the command is empty/);
  });

  it('runs nothing without a token, and exits like iam-token', async () => {
    daemon.setScript(failWith({ code: 'login_required', message: 'not logged in', hint: 'iam-token login' }));
    assert.deepEqual(await exec(['--', 'echo', 'ran']), {
      stdout: '',
      stderr: 'iam-token: error: not logged in\niam-token: hint: iam-token login\n',
      code: 4,
    });
    assert.equal((await runCli(['exec', '--', 'echo', 'ran'])).code, 3);
  });

  const shortLivedTokenScript: Script = (request, peer) => {
    const { minTtlMs = 0 } = request.params as { readonly minTtlMs?: number };
    if (minTtlMs > 0) peer.fail(request, { code: 'unavailable', message: 'the token lives only for 2 h' });
    else
      respondWith({ token: createTokenResult(2 * 60 * 60_000 + 30_000), ...createStatusResult({}) })(
        request,
        peer,
      );
  };

  it('warns if no token has the requested lifetime, and uses the longest-lived', async () => {
    daemon.setScript(shortLivedTokenScript);
    const { stdout, stderr, code } = await exec(['--min-ttl', '6h', '--', 'echo', 'ran']);
    assert.deepEqual([stdout, code], ['ran\n', 0]);
    assert.match(
      stderr,
      /^iam-token: warning: the token is valid for (2 h|1 h 59 min) only, not for the requested 6 h\n$/,
    );
  });

  it('A10: measures the lifetime by the clock of IAM', async () => {
    daemon.setScript((request, peer) => {
      const { minTtlMs = 0 } = request.params as { readonly minTtlMs?: number };
      const tokenResult = { ...createTokenResult(5.5 * 60 * 60_000), clockOffsetMs: 3 * 60 * 60_000 };
      if (minTtlMs > 0) peer.fail(request, { code: 'unavailable', message: 'too short' });
      else respondWith({ token: tokenResult, ...createStatusResult({}) })(request, peer);
    });
    const { stderr } = await exec(['--min-ttl', '6h', '--', 'true']);
    assert.match(stderr, /valid for 2 h (?:29|30) min only, not for the requested 6 h\n$/);
  });

  it('runs nothing if there is no token at all', async () => {
    daemon.setScript(failWith({ code: 'unavailable', message: 'IAM cannot be reached' }));
    const { stdout, code } = await exec(['--min-ttl', '6h', '--', 'echo', 'ran']);
    assert.deepEqual([stdout, code], ['', 5]);
  });

  /** A shell script that prints each signal, and exits with 7 after the last. */
  const signalListenerScript = (signals: readonly string[]): string =>
    `${signals.map((signal) => `trap 'echo ${signal}; n=$((n+1))' ${signal}`).join('; ')}; n=0; echo ready
while [ $n -lt ${signals.length} ]; do sleep 0.02; done; exit 7`;

  it('forwards each signal once', async () => {
    const signals = ['TERM', 'HUP', 'USR1', 'USR2', 'INT', 'QUIT'];
    const child = spawn(
      process.execPath,
      [clientBundle, 'exec', '--', 'sh', '-c', signalListenerScript(signals)],
      {
        env: buildCleanEnv({ socket: daemon.socketPath }),
      },
    );
    const lines: string[] = [];
    child.stdout.setEncoding('utf8').on('data', (piece: string) => {
      lines.push(...piece.trim().split('\n'));
      const next = signals[lines.length - 1];
      if (next !== undefined) child.kill(`SIG${next}` as NodeJS.Signals);
    });
    assert.equal(await waitForExitCode(child), 7);
    assert.deepEqual(lines, ['ready', ...signals]);
  });

  it('leaves the terminal to the command, which gets Ctrl-C once', async () => {
    const script = `trap 'echo INT; n=1' INT; n=0; [ -t 0 ] && [ -t 1 ] && echo terminal
while [ $n = 0 ]; do sleep 0.02; done; read -r line; echo "got $line"; exit 9`;
    const { screen, code } = await runInTerminal(
      ['exec', '--', 'sh', '-c', script],
      [
        { expect: 'terminal', type: ['\x03'] },
        { expect: 'INT', type: ['word\r'] },
      ],
      { socket: daemon.socketPath },
    );
    assert.equal(code, 9);
    assert.equal(screen.split('INT').length, 2, screen);
    assert.match(screen, /got word/);
  });
});

function waitForExitCode(child: ChildProcess): Promise<number | null> {
  return new Promise((resolve) => {
    child.once('close', resolve);
  });
}
