import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { root } from '../conventions/source-tree.ts';
import { buildCleanEnv } from '../support/processes/run-cli.ts';
import { respondWith, failWith, type Script, ScriptedDaemon } from '../support/daemon/scripted-daemon.ts';
import { useTemporaryFolder } from '../support/temporary-folder.ts';

interface EditorResult {
  readonly output: string;
  readonly code: number | null;
}

/** Runs an editor until it exits; `output` is its stdout and stderr. */
function runEditor(
  program: string,
  args: readonly string[],
  env: Record<string, string>,
): Promise<EditorResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (chunk: string) => (output += chunk));
    child.once('error', reject);
    child.once('close', (code) => resolve({ output, code }));
  });
}

const problem = { code: 'login_required', message: 'not logged in', hint: 'iam-token login' } as const;
const status = { profile: 'work', isDefault: true, state: 'ok', timeLeftMs: 11_535_000, problem: null };

describe('editors', () => {
  const folder = useTemporaryFolder();
  let daemon: ScriptedDaemon;

  const startDaemon = async (script: Script, socketPath?: string) => {
    daemon = await ScriptedDaemon.start(script, socketPath);
  };
  const workingScript: Script = respondWith({
    token: (params: { profile?: string }) => ({
      token: `t1.${encodeURIComponent(params.profile ?? 'default')}`,
    }),
    status: { profiles: [status], next: null },
  });
  afterEach(() => daemon.close());

  const tokenGetters = {
    nvim: (call: string, env: Record<string, string>) => {
      mkdirSync(join(folder(), 'lua'));
      cpSync(join(root, 'scripts/editors/nvim/iam-token.lua'), join(folder(), 'lua/iam-token.lua'));
      const runtimePath = `set rtp^=${folder()}`;
      const lua = `lua print(select(2, pcall(require('iam-token').get_now, { ${call} })))`;
      return runEditor('nvim', ['--headless', '--clean', '--cmd', runtimePath, `+${lua}`, '+qa!'], env);
    },
    emacs: (call: string, env: Record<string, string>) => {
      const elisp = `(message "%s" (condition-case problem (iam-token-get ${call}) (error (cadr problem))))`;
      const file = join(root, 'scripts/editors/emacs/iam-token.el');
      return runEditor('emacs', ['-Q', '--batch', '-l', file, '--eval', elisp], env);
    },
  };
  const profileArgument = { nvim: "profile = 'my prod'", emacs: '"my prod"' };

  for (const name of ['nvim', 'emacs'] as const) {
    describe(name, () => {
      const getToken = (call = '', env: Record<string, string> = {}) =>
        tokenGetters[name](call, {
          ...buildCleanEnv({ socket: daemon.socketPath, env }),
          HOME: folder(),
          LANG: 'C.UTF-8',
        });

      it('returns the token of the default profile', async () => {
        await startDaemon(workingScript);
        assert.equal((await getToken()).output.trim(), 't1.default');
        assert.deepEqual(daemon.requests[0], { v: 1, id: 1, method: 'token', params: {} });
      });

      it('returns the token of a named profile', async () => {
        await startDaemon(workingScript);
        assert.equal((await getToken(profileArgument[name])).output.trim(), 't1.my%20prod');
      });

      it('returns the token of the profile in IAM_TOKEND_PROFILE', async () => {
        await startDaemon(workingScript);
        assert.equal((await getToken('', { IAM_TOKEND_PROFILE: 'home' })).output.trim(), 't1.home');
      });

      it('finds the daemon at the default path', async () => {
        const socketPath = join(folder(), 'iam-tokend/ipc.sock');
        mkdirSync(dirname(socketPath), { mode: 0o700 });
        await startDaemon(workingScript, socketPath);
        const env = { IAM_TOKEND_SOCKET: '', XDG_RUNTIME_DIR: folder() };
        assert.equal((await getToken('', env)).output.trim(), 't1.default');
      });

      it('reports the problem of the daemon, with its hint', async () => {
        await startDaemon(failWith(problem));
        assert.equal((await getToken()).output.trim(), 'iam-token: not logged in – iam-token login');
      });

      for (const token of ['t1.a\u001b[31m', 't1.a\nHost: evil', 't1.\u202ea', 't1 a', '', 7, ['t1.a']]) {
        it(`D9: does not hand on the token ${JSON.stringify(token)}`, async () => {
          await startDaemon(respondWith({ token: { token } }));
          assert.equal(
            (await getToken()).output.trim(),
            'iam-token: the daemon sent an invalid response – iam-token doctor',
          );
        });
      }

      for (const frame of ['{', 'null', '[]', '7', '{"type":"iam-token","data":7}', '{"type":"iam-token"}']) {
        it(`D9: reports the response ${frame} as invalid`, async () => {
          await startDaemon((_, peer) => peer.writeRaw(`${frame}\f`));
          assert.match((await getToken()).output, /the daemon sent an invalid response/);
        });
      }

      it('D9: shows a message with control and format characters as plain text on one line', async () => {
        const message = 'no\u001b[2J\u202eway\u0085\u2028here';
        await startDaemon(failWith({ ...problem, message, hint: 'one\ntwo' }));
        assert.equal(
          (await getToken()).output.trim(),
          String.raw`iam-token: no\u{1b}[2J\u{202e}way\u{85}\u{2028}here – one; two`,
        );
      });

      it('reports that the daemon is not running', async () => {
        await startDaemon(workingScript);
        const socket = join(dirname(daemon.socketPath), 'no.sock');
        assert.equal(
          (await getToken('', { IAM_TOKEND_SOCKET: socket })).output.trim(),
          `iam-token: iam-tokend is not running (cannot connect to ${socket}) – iam-token install`,
        );
      });

      it('sends nothing to a socket in a folder that is open to other users', async () => {
        const socketPath = join(folder(), 'open/ipc.sock');
        mkdirSync(dirname(socketPath));
        await startDaemon(workingScript, socketPath);
        chmodSync(dirname(socketPath), 0o777);
        assert.match((await getToken()).output, /is not private – iam-token doctor/);
        assert.equal(daemon.requests.length, 0);
      });
    });
  }

  it('nvim: shows the lifetime of the token with :IamToken', async () => {
    await startDaemon(workingScript);
    const env = { ...buildCleanEnv({ socket: daemon.socketPath }), HOME: folder() };
    const runtimePath = `set rtp^=${join(root, 'scripts/editors/nvim')}`;
    const loadCommand = `lua dofile('${join(root, 'scripts/editors/nvim/iam-token.lua')}').setup()`;
    const waitCommand = 'lua vim.wait(5000, function() return vim.fn.execute("messages"):find("work") end)';
    const { output } = await runEditor(
      'nvim',
      [
        '--headless',
        '--clean',
        '--cmd',
        runtimePath,
        `+${loadCommand}`,
        '+IamToken',
        `+${waitCommand}`,
        '+qa!',
      ],
      env,
    );
    assert.match(output, /iam-token: work, 3h12m/);
  });

  it('VS Code: provides the API that the extension uses, by its types', async () => {
    await startDaemon(workingScript);
    const vscode = join(root, 'test/slow/vscode/node_modules/@types');
    const args = [
      join(root, 'node_modules/typescript/bin/tsc'),
      ...['--ignoreConfig', '--noEmit', '--strict', '--skipLibCheck', '--allowJs', '--checkJs'],
      ...['--module', 'nodenext', '--target', 'es2023', '--types', 'node,vscode'],
      ...['--typeRoots', `${vscode},${join(root, 'node_modules/@types')}`],
      join(root, 'scripts/editors/vscode/extension.js'),
    ];
    assert.deepEqual(await runEditor(process.execPath, args, buildCleanEnv({})), { output: '', code: 0 });
  });
});
