import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { failWith, respondWith, ScriptedDaemon } from '../../support/daemon/scripted-daemon.ts';
import { runInTerminal } from '../../support/processes/pseudo-terminal.ts';
import { buildCleanEnv, clientBundle, runCli } from '../../support/processes/run-cli.ts';

const token = {
  token: 't1.9eu-token.signature',
  expiresAt: '2026-11-24T22:04:05.000Z',
  profile: 'work',
  subject: 'aje0ada',
};

describe('the output of iam-token', () => {
  let daemon: ScriptedDaemon;

  beforeEach(async () => {
    daemon = await ScriptedDaemon.start(respondWith({ token }));
  });
  afterEach(() => daemon.close());

  const run = (args: readonly string[]) => runCli(args, { socket: daemon.socketPath });

  it('escapes control characters', async () => {
    daemon.setScript(
      failWith({
        code: 'unavailable',
        message: 'a\x1b[31mb\nc\x07\u009b\u202ed',
        hint: 'x\r\x1b]0;title\x07',
      }),
    );
    const { stderr } = await run([]);
    assert.equal(
      stderr,
      'iam-token: error: a\\u{1b}[31mb\\u{a}c\\u{7}\\u{9b}\\u{202e}d\niam-token: hint: x\\u{d}\\u{1b}]0;title\\u{7}\n',
    );
    daemon.setScript(respondWith({ token: { ...token, profile: 'a\x1b\u009b\u202e\u{e0001}' } }));
    const { stdout } = await run(['--format', 'json']);
    assert.match(stdout, /"profile":"a\\u001b\\u009b\\u202e\\udb40\\udc01"/);
    assert.equal((JSON.parse(stdout) as typeof token).profile, 'a\x1b\u009b\u202e\u{e0001}');
  });

  it('shows on a terminal what it waits for, and erases that', async () => {
    let answer = (): void => {};
    daemon.setScript((request, peer) => {
      answer = () => peer.respond(request, token);
    });
    const waiting = 'iam-token: waiting for a token …';
    const { screen, code } = await runInTerminal([], [{ expect: waiting, perform: () => answer() }], {
      socket: daemon.socketPath,
    });
    assert.deepEqual([screen, code], [`${waiting}\r\x1b[K${token.token}\r\n`, 0]);
  });

  it('exits silently if the reader closes the pipe', async () => {
    const child = spawn(process.execPath, [clientBundle], {
      env: buildCleanEnv({ socket: daemon.socketPath }),
    });
    let stderr = '';
    child.stderr.on('data', (piece: Buffer) => {
      stderr += piece.toString();
    });
    daemon.setScript((request, peer) => {
      child.stdout.once('close', () => peer.respond(request, token));
      child.stdout.destroy();
    });
    const code = await new Promise((resolve) => {
      child.once('close', resolve);
    });
    assert.deepEqual([code, stderr], [141, '']);
  });

  it('E13: names the file and the reason if the output cannot be written', async () => {
    if (process.platform !== 'linux') return;
    const child = spawn('sh', ['-c', '"$0" "$1" > /dev/full', process.execPath, clientBundle], {
      env: buildCleanEnv({ socket: daemon.socketPath }),
    });
    let stderr = '';
    child.stderr.on('data', (piece: Buffer) => {
      stderr += piece.toString();
    });
    const code = await new Promise((resolve) => {
      child.once('close', resolve);
    });
    assert.equal(code, 1);
    assert.match(stderr, /^iam-token: error: cannot write the output \/dev\/full: no space left\n/);
  });

  it('writes everything to a full non-blocking pipe', async () => {
    const profiles = Array.from({ length: 200 }, (_, index) => ({
      profile: `${index}`.padStart(60, 'x'),
      isDefault: false,
      kind: 'oauth',
    }));
    daemon.setScript((request, peer) => {
      const { after } = request.params as { readonly after?: string };
      const from = after === undefined ? 0 : Number(after) + 1;
      const next = from + 19 < 1_999 ? `${from + 19}` : null;
      peer.respond(request, { profiles: profiles.slice(from % 200, (from % 200) + 20), next });
    });
    const reader = spawn('python3', [
      '-c',
      `import os, subprocess, sys, time
reader, writer = os.pipe()
os.set_blocking(writer, False)
child = subprocess.Popen(sys.argv[1:], stdout=writer)
os.close(writer)
time.sleep(0.5)
whole = b''
while piece := os.read(reader, 8192):
    whole += piece
print(len(whole), child.wait())
`,
      process.execPath,
      clientBundle,
      'profiles',
      '--json',
      '--socket',
      daemon.socketPath,
    ]);
    let readerOutput = '';
    reader.stdout.on('data', (piece: Buffer) => {
      readerOutput += piece.toString();
    });
    await new Promise((resolve) => {
      reader.once('close', resolve);
    });
    const length = JSON.stringify({ profiles: Array.from({ length: 10 }, () => profiles).flat() }).length + 1;
    assert.ok(length > 100_000);
    assert.equal(readerOutput, `${length} 0\n`);
  });
});
