import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runInTerminal } from '../support/pseudo-terminal.ts';
import { bundle, type CliRun, cleanEnv, runCli } from '../support/run-cli.ts';
import { answering, failing, type Script, ScriptedDaemon } from '../support/scripted-daemon.ts';
import { daemonOf, tokenOf } from '../support/scripted-answers.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const token = tokenOf(12 * 60 * 60_000);
const variables = /^(?:YC_|IAM_TOKEN(?:=|$))/;

describe('iam-token exec', () => {
  const folder = temporaryFolder();
  let daemon: ScriptedDaemon;

  beforeEach(async () => {
    daemon = await ScriptedDaemon.start(answering({ token, ...daemonOf({}) }));
  });
  afterEach(() => daemon.close());

  const exec = (args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<CliRun> =>
    runCli(['exec', ...args], { socket: daemon.socketPath, env });
  const given = async (args: readonly string[] = [], env = {}): Promise<readonly string[]> => {
    const { stdout, code } = await exec([...args, '--', 'env'], env);
    assert.equal(code, 0);
    return stdout
      .split('\n')
      .filter((line) => variables.test(line))
      .toSorted();
  };
  const tokenLines = [`IAM_TOKEN=${token.token}`, `YC_IAM_TOKEN=${token.token}`, `YC_TOKEN=${token.token}`];

  it('gives a command the token in three variables, and nothing that the profile has not', async () => {
    assert.deepEqual(await given(), tokenLines);
  });

  it("gives it the profile's cloud and folder, and the metadata address while that is on", async () => {
    daemon.become(
      answering({
        token,
        ...daemonOf({ cloudId: 'b1gcloud', folderId: 'b1gfolder' }, { metadataAddress: '127.0.0.1:8099' }),
      }),
    );
    assert.deepEqual(await given(), [
      tokenLines[0],
      'YC_CLOUD_ID=b1gcloud',
      'YC_FOLDER_ID=b1gfolder',
      tokenLines[1],
      'YC_METADATA_ADDR=127.0.0.1:8099',
      tokenLines[2],
    ]);
    assert.deepEqual(daemon.requests.at(-1)?.params, { profile: 'work' });
  });

  it('does not name the metadata address for another profile than the one that answers there', async () => {
    const other = { isDefault: false };
    daemon.become(answering({ token, ...daemonOf(other, { metadataAddress: '127.0.0.1:8099' }) }));
    assert.deepEqual(await given(), tokenLines);
  });

  it('leaves the rest of the environment, and passes over what is no id or address', async () => {
    daemon.become(
      answering({ token, ...daemonOf({ cloudId: 'a\nb' }, { metadataAddress: 'here; rm -rf /' }) }),
    );
    assert.deepEqual(await given([], { YC_FOLDER_ID: 'mine', YC_TOKEN: 'old' }), [
      tokenLines[0],
      'YC_FOLDER_ID=mine',
      ...tokenLines.slice(1),
    ]);
  });

  it('names no other machine for the metadata address, and nothing that acts on a terminal', async () => {
    for (const metadataAddress of ['example.com:80', '127.0.0.1.example.com:80', '\x1b[2J:80', '[::]:80']) {
      daemon.become(answering({ token, ...daemonOf({}, { metadataAddress }) }));
      assert.deepEqual(await given(), tokenLines, metadataAddress);
    }
  });

  it('asks for the profile and the life that are wanted', async () => {
    await exec(['--profile=--help', '--min-ttl', '1h', '--', 'true']);
    assert.deepEqual(daemon.requests[0]?.params, { profile: '--help', minTtlMs: 3_600_000 });
  });

  it('passes arguments, streams and the exit code through as they are', async () => {
    const script = 'cat; printf "[%s]" "$@"; echo said >&2; exit 42';
    const { stdout, stderr, code } = await runCli(
      ['exec', '--', 'sh', '-c', script, 'sh', '--profile', 'a b', '', '--', "'"],
      { socket: daemon.socketPath, stdin: 'read ' },
    );
    assert.deepEqual([stdout, stderr, code], ["read [--profile][a b][][--][']", 'said\n', 42]);
  });

  it('ends as a shell does for a command that a signal ended', async () => {
    assert.equal((await exec(['--', 'sh', '-c', 'kill -TERM $$'])).code, 128 + 15);
    assert.equal((await exec(['--', 'sh', '-c', 'kill -KILL $$'])).code, 128 + 9);
  });

  it('ends with 127 for a program that is missing and 126 for one that cannot be run', async () => {
    const plain = join(folder(), 'plain');
    writeFileSync(plain, 'no program\n');
    const says = async (program: string): Promise<readonly unknown[]> => {
      const { stdout, stderr, code } = await exec(['--', program]);
      return [stdout, stderr, code];
    };
    assert.deepEqual(await says('no-such-program'), [
      '',
      'iam-token: error: no-such-program is not found\n',
      127,
    ]);
    assert.deepEqual(await says(`${plain}/below`), [
      '',
      `iam-token: error: ${plain}/below is not found\n`,
      127,
    ]);
    for (const path of [plain, folder()]) {
      assert.deepEqual(await says(path), [
        '',
        `iam-token: error: ${path} is no program that may be run\n`,
        126,
      ]);
    }
    chmodSync(plain, 0o755);
    writeFileSync(plain, 'exit 3\n');
    assert.equal((await says(plain))[2], 3, 'a script without a first line is one of sh, as in a shell');
    assert.match((await says('')).join(), /the command has no name/);
  });

  it('runs nothing where there is no token, and ends as iam-token does', async () => {
    daemon.become(
      failing({ code: 'login_required', message: 'nobody is logged in', hint: 'iam-token login' }),
    );
    assert.deepEqual(await exec(['--', 'echo', 'ran']), {
      stdout: '',
      stderr: 'iam-token: error: nobody is logged in\niam-token: hint: iam-token login\n',
      code: 4,
    });
    assert.equal((await runCli(['exec', '--', 'echo', 'ran'])).code, 3);
  });

  const shortLived: Script = (request, peer) => {
    const { minTtlMs = 0 } = request.params as { readonly minTtlMs?: number };
    if (minTtlMs > 0) peer.fail(request, { code: 'unavailable', message: 'the token lives only for 2 h' });
    else answering({ token: tokenOf(2 * 60 * 60_000 + 30_000), ...daemonOf({}) })(request, peer);
  };

  it('warns where no token lives as long as is wanted, and goes on with the longest', async () => {
    daemon.become(shortLived);
    const { stdout, stderr, code } = await exec(['--min-ttl', '6h', '--', 'echo', 'ran']);
    assert.deepEqual([stdout, code], ['ran\n', 0]);
    assert.match(
      stderr,
      /^iam-token: warning: the token lives for (2 h|1 h 59 min), and 6 h were asked for\n$/,
    );
  });

  it('does not go on where there is none at all', async () => {
    daemon.become(failing({ code: 'unavailable', message: 'IAM cannot be reached' }));
    const { stdout, code } = await exec(['--min-ttl', '6h', '--', 'echo', 'ran']);
    assert.deepEqual([stdout, code], ['', 5]);
  });

  /** A shell that says which signals it gets, and ends with 7 after so many. */
  const listener = (signals: readonly string[]): string =>
    `${signals.map((signal) => `trap 'echo ${signal}; n=$((n+1))' ${signal}`).join('; ')}; n=0; echo ready
while [ $n -lt ${signals.length} ]; do sleep 0.02; done; exit 7`;

  it('passes signals on to the command, each once', async () => {
    const signals = ['TERM', 'HUP', 'USR1', 'USR2', 'INT', 'QUIT'];
    const child = spawn(process.execPath, [bundle, 'exec', '--', 'sh', '-c', listener(signals)], {
      env: cleanEnv({ socket: daemon.socketPath }),
    });
    const lines: string[] = [];
    child.stdout.setEncoding('utf8').on('data', (piece: string) => {
      lines.push(...piece.trim().split('\n'));
      const next = signals[lines.length - 1];
      if (next !== undefined) child.kill(`SIG${next}` as NodeJS.Signals);
    });
    assert.equal(await exitCodeOf(child), 7);
    assert.deepEqual(lines, ['ready', ...signals]);
  });

  it('leaves the terminal to the command: it is one there, and Ctrl-C reaches it once', async () => {
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

function exitCodeOf(child: ChildProcess): Promise<number | null> {
  return new Promise((resolve) => {
    child.once('close', resolve);
  });
}
