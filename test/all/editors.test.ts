import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { root } from '../house/source-tree.ts';
import { cleanEnv } from '../support/run-cli.ts';
import { answering, failing, type Script, ScriptedDaemon } from '../support/scripted-daemon.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

interface Outcome {
  readonly output: string;
  readonly code: number | null;
}

/** Runs an editor to its end; `output` is all that it said. */
function run(program: string, args: readonly string[], env: Record<string, string>): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (piece: string) => (output += piece));
    child.once('error', reject);
    child.once('close', (code) => resolve({ output, code }));
  });
}

const problem = { code: 'login_required', message: 'nobody is logged in', hint: 'iam-token login' } as const;
const status = { profile: 'work', isDefault: true, state: 'ok', timeLeftMs: 11_535_000, problem: null };

describe('editors', function () {
  this.timeout(60_000);
  const folder = temporaryFolder();
  let daemon: ScriptedDaemon;

  const start = async (script: Script, socketPath?: string) => {
    daemon = await ScriptedDaemon.start(script, socketPath);
  };
  const living: Script = answering({
    token: (params: { profile?: string }) => ({ token: `t1.${params.profile ?? 'default'}` }),
    status: { profiles: [status], next: null },
  });
  afterEach(() => daemon.close());

  const editors = {
    nvim: (call: string, env: Record<string, string>) => {
      mkdirSync(join(folder(), 'lua'));
      cpSync(join(root, 'scripts/editors/nvim/iam-token.lua'), join(folder(), 'lua/iam-token.lua'));
      const runtime = `set rtp^=${folder()}`;
      const lua = `lua print(select(2, pcall(require('iam-token').get_now, { ${call} })))`;
      return run('nvim', ['--headless', '--clean', '--cmd', runtime, `+${lua}`, '+qa!'], env);
    },
    emacs: (call: string, env: Record<string, string>) => {
      const elisp = `(message "%s" (condition-case problem (iam-token-get ${call}) (error (cadr problem))))`;
      const file = join(root, 'scripts/editors/emacs/iam-token.el');
      return run('emacs', ['-Q', '--batch', '-l', file, '--eval', elisp], env);
    },
  };
  const named = { nvim: "profile = 'my prod'", emacs: '"my prod"' };

  for (const name of ['nvim', 'emacs'] as const) {
    describe(name, () => {
      const ask = (call = '', env: Record<string, string> = {}) =>
        editors[name](call, {
          ...cleanEnv({ socket: daemon.socketPath, env }),
          HOME: folder(),
          LANG: 'C.UTF-8',
        });

      it('gets the token of the default profile', async () => {
        await start(living);
        assert.equal((await ask()).output.trim(), 't1.default');
        assert.deepEqual(daemon.requests[0], { v: 1, id: 1, method: 'token', params: {} });
      });

      it('gets that of a profile that is named', async () => {
        await start(living);
        assert.equal((await ask(named[name])).output.trim(), 't1.my prod');
      });

      it('gets that of the profile that the environment names', async () => {
        await start(living);
        assert.equal((await ask('', { IAM_TOKEND_PROFILE: 'home' })).output.trim(), 't1.home');
      });

      it('finds the daemon at the usual place', async () => {
        const socketPath = join(folder(), 'iam-tokend/ipc.sock');
        mkdirSync(dirname(socketPath), { mode: 0o700 });
        await start(living, socketPath);
        const env = { IAM_TOKEND_SOCKET: '', XDG_RUNTIME_DIR: folder() };
        assert.equal((await ask('', env)).output.trim(), 't1.default');
      });

      it('says what the daemon says, with its hint', async () => {
        await start(failing(problem));
        assert.equal((await ask()).output.trim(), 'iam-token: nobody is logged in – iam-token login');
      });

      it('says that nobody listens', async () => {
        await start(living);
        const socket = join(dirname(daemon.socketPath), 'no.sock');
        assert.equal(
          (await ask('', { IAM_TOKEND_SOCKET: socket })).output.trim(),
          `iam-token: nothing listens at ${socket} – iam-token install`,
        );
      });

      it('sends nothing to a socket in a folder that is open to others', async () => {
        const socketPath = join(folder(), 'open/ipc.sock');
        mkdirSync(dirname(socketPath));
        await start(living, socketPath);
        chmodSync(dirname(socketPath), 0o777);
        assert.match((await ask()).output, /open to others – iam-token doctor/);
        assert.equal(daemon.requests.length, 0);
      });
    });
  }

  it('nvim says how long the token lives at :IamToken', async () => {
    await start(living);
    const env = { ...cleanEnv({ socket: daemon.socketPath }), HOME: folder() };
    const runtime = `set rtp^=${join(root, 'scripts/editors/nvim')}`;
    const load = `lua dofile('${join(root, 'scripts/editors/nvim/iam-token.lua')}').setup()`;
    const wait = 'lua vim.wait(5000, function() return vim.fn.execute("messages"):find("work") end)';
    const { output } = await run(
      'nvim',
      ['--headless', '--clean', '--cmd', runtime, `+${load}`, '+IamToken', `+${wait}`, '+qa!'],
      env,
    );
    assert.match(output, /iam-token: work, 3h12m/);
  });

  it('VS Code has what the extension uses, by the types of its API', async () => {
    await start(living);
    const vscode = join(root, 'test/all/vscode/node_modules/@types');
    const args = [
      join(root, 'node_modules/typescript/bin/tsc'),
      ...['--ignoreConfig', '--noEmit', '--strict', '--skipLibCheck', '--allowJs', '--checkJs'],
      ...['--module', 'nodenext', '--target', 'es2023', '--types', 'node,vscode'],
      ...['--typeRoots', `${vscode},${join(root, 'node_modules/@types')}`],
      join(root, 'scripts/editors/vscode/extension.js'),
    ];
    assert.deepEqual(await run(process.execPath, args, cleanEnv({})), { output: '', code: 0 });
  });
});
