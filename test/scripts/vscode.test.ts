import assert from 'node:assert/strict';
import { chmodSync, cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import os from 'node:os';
import { join } from 'node:path';
import { root } from '../house/source-tree.ts';
import { answering, failing, ScriptedDaemon } from '../support/scripted-daemon.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const home = join(root, 'scripts/editors/vscode');

interface StatusBarItem {
  text: string;
  tooltip: string;
  command: string;
  name: string;
  isShown: boolean;
  show(): void;
  dispose(): void;
}

/** What the extension uses of VS Code, and what came of it. */
class Editor {
  readonly commands = new Map<string, () => Promise<unknown>>();
  readonly messages: string[] = [];
  readonly settings: Record<string, string> = {};
  readonly subscriptions: { dispose(): void }[] = [];
  item: StatusBarItem | undefined;

  readonly api = {
    StatusBarAlignment: { Left: 1, Right: 2 },
    commands: {
      registerCommand: (name: string, run: () => Promise<unknown>) => {
        this.commands.set(name, run);
        return { dispose: () => void this.commands.delete(name) };
      },
    },
    window: {
      createStatusBarItem: () => {
        const item: StatusBarItem = {
          ...{ text: '', tooltip: '', command: '', name: '', isShown: false },
          show: () => (item.isShown = true),
          dispose: () => (item.isShown = false),
        };
        return (this.item = item);
      },
      showErrorMessage: (message: string) => void this.messages.push(`error: ${message}`),
      showWarningMessage: (message: string) => void this.messages.push(`warning: ${message}`),
      showInformationMessage: (message: string) => void this.messages.push(message),
    },
    workspace: {
      getConfiguration: (section: string) => ({ get: (key: string) => this.settings[`${section}.${key}`] }),
    },
  };

  run(command: string): Promise<unknown> {
    const found = this.commands.get(command);
    assert.ok(found !== undefined, command);
    return found();
  }
}

const status = {
  profile: 'work',
  isDefault: true,
  state: 'ok',
  timeLeftMs: 11_535_000,
  problem: null,
};
const problem = { code: 'login_required', message: 'nobody is logged in', hint: 'iam-token login' } as const;

describe('the extension of VS Code', () => {
  const folder = temporaryFolder();
  let daemon: ScriptedDaemon;
  let editor: Editor;

  beforeEach(async () => {
    daemon = await ScriptedDaemon.start(
      answering({ token: { token: 't1.a' }, status: { profiles: [status], next: null } }),
    );
    editor = new Editor();
    editor.settings['iam-token.socket'] = daemon.socketPath;
    cpSync(home, folder(), { recursive: true });
    mkdirSync(join(folder(), 'node_modules/vscode'), { recursive: true });
    writeFileSync(join(folder(), 'node_modules/vscode/index.js'), 'module.exports = {};');
    const load = createRequire(join(folder(), 'package.json'));
    Object.assign(load('vscode') as object, editor.api);
    const extension = load('./extension.js') as {
      activate(context: Pick<Editor, 'subscriptions'>): Promise<void>;
    };
    await extension.activate(editor);
  });
  afterEach(async () => {
    for (const each of editor.subscriptions) each.dispose();
    await daemon.close();
  });

  it('gives the token, asked anew each time', async () => {
    assert.equal(await editor.run('iam-token.get'), 't1.a');
    daemon.become(answering({ token: { token: 't1.b' } }));
    assert.equal(await editor.run('iam-token.get'), 't1.b');
    assert.deepEqual(editor.messages, []);
  });

  it('asks for the profile that the settings name', async () => {
    editor.settings['iam-token.profile'] = 'my prod';
    await editor.run('iam-token.get');
    assert.deepEqual(daemon.requests.at(-1)?.params, { profile: 'my prod' });
  });

  const refusals: readonly (readonly [string, () => void, RegExp])[] = [
    ['what the daemon says', () => daemon.become(failing(problem)), /nobody is logged in – iam-token login$/],
    [
      'that nobody listens',
      () => (editor.settings['iam-token.socket'] = join(folder(), 'no.sock')),
      /nothing listens at .*no\.sock – iam-token install$/,
    ],
    [
      'that it was cut off',
      () => daemon.become((_, peer) => peer.end()),
      /closed the connection – try again$/,
    ],
    [
      'that others may write to the folder',
      () => chmodSync(join(daemon.socketPath, '..'), 0o777),
      /is a link, foreign or open to others – iam-token doctor$/,
    ],
    [
      'that an answer has no end',
      () => daemon.become((_, peer) => peer.raw('x'.repeat(70_000))),
      /does not answer – iam-token doctor$/,
    ],
    ['what is no answer', () => daemon.become((_, peer) => peer.raw('{\f')), /JSON/],
  ];
  for (const [what, arrange, expected] of refusals) {
    it(`tells the person ${what}, and gives no empty token`, async () => {
      arrange();
      await assert.rejects(editor.run('iam-token.get'), expected);
      assert.match(editor.messages.join(), expected);
    });
  }

  it('asks nobody on Windows, where another user may have taken the name of the pipe', async () => {
    const { userInfo } = os;
    os.userInfo = (() => ({ ...userInfo(), uid: -1 })) as typeof userInfo;
    const before = daemon.connections;
    try {
      await assert.rejects(editor.run('iam-token.get'), /has to prove whose it is/);
    } finally {
      os.userInfo = userInfo;
    }
    assert.equal(daemon.connections, before);
  });

  it('shows how long the token lives, and what is wrong', async () => {
    assert.deepEqual([editor.item?.isShown, editor.item?.text], [true, '$(key) work 3h12m']);
    await editor.run('iam-token.status');
    daemon.become(
      answering({
        status: { profiles: [{ ...status, state: 'login_required', timeLeftMs: null, problem }], next: null },
      }),
    );
    await editor.run('iam-token.status');
    assert.equal(editor.item?.text, '$(warning) work login required');
    assert.equal(editor.item?.tooltip, 'nobody is logged in – iam-token login');
    daemon.become(answering({ status: { profiles: [], next: null } }));
    await editor.run('iam-token.status');
    daemon.become(failing(problem));
    await editor.run('iam-token.status');
    assert.equal(editor.item?.text, '$(warning) IAM token');
    const loggedOut = 'warning: iam-token: nobody is logged in – iam-token login';
    assert.deepEqual(editor.messages, ['the IAM token of work: work 3h12m', loggedOut, loggedOut, loggedOut]);
  });

  it('has the commands that its manifest names, and no others', () => {
    const { contributes } = JSON.parse(readFileSync(join(home, 'package.json'), 'utf8')) as {
      contributes: { commands: readonly { command: string }[] };
    };
    assert.deepEqual(
      [...editor.commands.keys()],
      contributes.commands.map(({ command }) => command),
    );
    assert.ok(editor.commands.has(editor.item?.command ?? ''));
  });
});
