import assert from 'node:assert/strict';
import { chmodSync, cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import os from 'node:os';
import { join } from 'node:path';
import { root } from '../conventions/source-tree.ts';
import { respondWith, failWith, ScriptedDaemon } from '../support/daemon/scripted-daemon.ts';
import { useTemporaryFolder } from '../support/temporary-folder.ts';

const extensionFolder = join(root, 'scripts/editors/vscode');

interface StatusBarItem {
  text: string;
  tooltip: string;
  command: string;
  name: string;
  isShown: boolean;
  show(): void;
  dispose(): void;
}

/** A fake of the VS Code API that the extension uses. */
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
    const handler = this.commands.get(command);
    assert.ok(handler !== undefined, command);
    return handler();
  }
}

const status = {
  profile: 'work',
  isDefault: true,
  state: 'ok',
  timeLeftMs: 11_535_000,
  problem: null,
};
const problem = { code: 'login_required', message: 'not logged in', hint: 'iam-token login' } as const;

describe('VS Code extension', () => {
  const folder = useTemporaryFolder();
  let daemon: ScriptedDaemon;
  let editor: Editor;

  beforeEach(async () => {
    daemon = await ScriptedDaemon.start(
      respondWith({ token: { token: 't1.a' }, status: { profiles: [status], next: null } }),
    );
    editor = new Editor();
    editor.settings['iam-token.socket'] = daemon.socketPath;
    cpSync(extensionFolder, folder(), { recursive: true });
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

  it('requests the token again for each use', async () => {
    assert.equal(await editor.run('iam-token.get'), 't1.a');
    daemon.setScript(respondWith({ token: { token: 't1.b' } }));
    assert.equal(await editor.run('iam-token.get'), 't1.b');
    assert.deepEqual(editor.messages, []);
  });

  it('requests the token of the profile in the settings', async () => {
    editor.settings['iam-token.profile'] = 'my prod';
    await editor.run('iam-token.get');
    assert.deepEqual(daemon.requests.at(-1)?.params, { profile: 'my prod' });
  });

  const failureCases: readonly (readonly [string, () => void, RegExp])[] = [
    ["the daemon's error", () => daemon.setScript(failWith(problem)), /not logged in – iam-token login$/],
    [
      'a missing socket',
      () => (editor.settings['iam-token.socket'] = join(folder(), 'no.sock')),
      /iam-tokend is not running \(cannot connect to .*no\.sock\) – iam-token install$/,
    ],
    [
      'a closed connection',
      () => daemon.setScript((_, peer) => peer.end()),
      /closed the connection – try again$/,
    ],
    [
      'a folder that others can write to',
      () => chmodSync(join(daemon.socketPath, '..'), 0o777),
      /is not private – iam-token doctor$/,
    ],
    [
      'a response without an end',
      () => daemon.setScript((_, peer) => peer.writeRaw('x'.repeat(70_000))),
      /does not respond – iam-token doctor$/,
    ],
    ['an invalid response', () => daemon.setScript((_, peer) => peer.writeRaw('{\f')), /JSON/],
  ];
  for (const [what, arrange, expected] of failureCases) {
    it(`shows ${what} and returns no empty token`, async () => {
      arrange();
      await assert.rejects(editor.run('iam-token.get'), expected);
      assert.match(editor.messages.join(), expected);
    });
  }

  for (const token of ['t1.a\u001b[31m', 't1.a\nb', 't1.\u202ea', 't1 a', '', 7, null]) {
    it(`D9: does not hand on the token ${JSON.stringify(token)}`, async () => {
      daemon.setScript(respondWith({ token: { token } }));
      await assert.rejects(editor.run('iam-token.get'), /the daemon sent an invalid response/);
    });
  }

  it('D9: shows messages as plain text, without links that run commands and without icons', async () => {
    const message = 'see [log in](command:workbench.action.terminal.new "x")\u001b]8;;\u202e $(bug)\nnow';
    const plainText = String.raw`see [log in] (command:workbench.action.terminal.new "x")\u{1b}]8;;\u{202e} $ (bug)\u{a}now`;
    daemon.setScript(failWith({ code: 'unavailable', message }));
    await assert.rejects(editor.run('iam-token.get'), { message: `iam-token: ${plainText}` });
    await editor.run('iam-token.status');
    const failed = { ...status, profile: '[p](command:x)\u2028', state: '$(bug)', timeLeftMs: null };
    daemon.setScript(
      respondWith({
        status: { profiles: [{ ...failed, problem: { code: 'unavailable', message } }], next: null },
      }),
    );
    await editor.run('iam-token.status');
    assert.equal(editor.item?.text, String.raw`$(warning) [p] (command:x)\u{2028} $ (bug)`);
    assert.equal(editor.item?.tooltip, plainText);
    assert.deepEqual(editor.messages, [
      `error: iam-token: ${plainText}`,
      `warning: iam-token: ${plainText}`,
      `warning: iam-token: ${plainText}`,
    ]);
  });

  for (const row of [
    null,
    { ...status, profile: 7 },
    { ...status, state: null },
    { ...status, problem: 'x' },
  ]) {
    it(`D9: reports the status ${JSON.stringify(row)} as invalid`, async () => {
      daemon.setScript(respondWith({ status: { profiles: [row], next: null } }));
      await editor.run('iam-token.status');
      assert.match(editor.messages.join(), /the daemon sent an invalid response/);
    });
  }

  it("does not connect on Windows, where another user may own the pipe's name", async () => {
    const { userInfo } = os;
    os.userInfo = (() => ({ ...userInfo(), uid: -1 })) as typeof userInfo;
    const connectionsBefore = daemon.connectionCount;
    try {
      await assert.rejects(editor.run('iam-token.get'), /cannot be authenticated on Windows/);
    } finally {
      os.userInfo = userInfo;
    }
    assert.equal(daemon.connectionCount, connectionsBefore);
  });

  it('shows the time left and the problem', async () => {
    assert.deepEqual([editor.item?.isShown, editor.item?.text], [true, '$(key) work 3h12m']);
    await editor.run('iam-token.status');
    daemon.setScript(
      respondWith({
        status: { profiles: [{ ...status, state: 'login_required', timeLeftMs: null, problem }], next: null },
      }),
    );
    await editor.run('iam-token.status');
    assert.equal(editor.item?.text, '$(warning) work login required');
    assert.equal(editor.item?.tooltip, 'not logged in – iam-token login');
    daemon.setScript(respondWith({ status: { profiles: [], next: null } }));
    await editor.run('iam-token.status');
    daemon.setScript(failWith(problem));
    await editor.run('iam-token.status');
    assert.equal(editor.item?.text, '$(warning) IAM token');
    const loginRequiredMessage = 'warning: iam-token: not logged in – iam-token login';
    assert.deepEqual(editor.messages, [
      'the IAM token of work: work 3h12m',
      loginRequiredMessage,
      loginRequiredMessage,
      loginRequiredMessage,
    ]);
  });

  it('registers exactly the commands of its manifest', () => {
    const { contributes } = JSON.parse(readFileSync(join(extensionFolder, 'package.json'), 'utf8')) as {
      contributes: { commands: readonly { command: string }[] };
    };
    assert.deepEqual(
      [...editor.commands.keys()],
      contributes.commands.map(({ command }) => command),
    );
    assert.ok(editor.commands.has(editor.item?.command ?? ''));
  });
});
