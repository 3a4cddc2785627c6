import assert from 'node:assert/strict';
import {
  chmodSync,
  chownSync,
  existsSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { formatHint } from '../../../src/shared/hint.ts';
import { callDaemon } from '../../support/daemon/call-daemon.ts';
import { otherUid } from '../../support/processes/other-user.ts';
import type { TerminalStep } from '../../support/processes/pseudo-terminal.ts';
import { oauthToken } from '../../support/test-environment.ts';
import type { HintLab } from './hint-lab.ts';
import type { HintScenario } from './hint-scenario.ts';

const problems = 'file-store-problems.ts';
const newStore = `${problems}: \${}start a new store: \${}`;
const thenLogin = `${problems}: {then | login}`;
const passphrase = 'correct horse';
const newPassphrasePrompts: readonly TerminalStep[] = [
  { expect: 'New passphrase (not shown): ', type: [passphrase, '\r'] },
  { expect: 'Repeat the passphrase: ', type: [passphrase, '\r'] },
];
const oauthPrompt: TerminalStep = { expect: 'OAuth token (not shown): ', type: [oauthToken, '\r'] };

const storePath = (lab: HintLab): string => lab.path('state/iam-tokend/store');
const keyPath = (lab: HintLab): string => lab.path('store.key');
const logIn = (lab: HintLab) => lab.testEnv.iamToken(['login', '--stdin'], oauthToken);
const unlock = (lab: HintLab) => lab.testEnv.iamToken(['unlock', '--stdin'], `${passphrase}\n`);

function configure(lab: HintLab, key: string): void {
  writeFileSync(lab.path('config/iam-tokend/config.yaml'), `file: { key: ${key} }\n`);
}

async function startWithKeyFile(lab: HintLab): Promise<void> {
  configure(lab, `{ key-file: "${keyPath(lab)}" }`);
  await lab.testEnv.startDaemon();
}

/** With a store that a key file opens, after a login. */
async function createStore(lab: HintLab): Promise<void> {
  await startWithKeyFile(lab);
  const { code, stderr } = await logIn(lab);
  assert.equal(code, 0, stderr);
}

async function restart(lab: HintLab): Promise<void> {
  await lab.testEnv.stopDaemon();
  await lab.testEnv.startDaemon();
}

/** @returns the stderr of a login after the store was damaged while the daemon did not run */
async function failToLogIn(lab: HintLab, damage: (lab: HintLab) => void): Promise<string> {
  await createStore(lab);
  await lab.testEnv.stopDaemon();
  damage(lab);
  await lab.testEnv.startDaemon();
  const { stderr, code } = await logIn(lab);
  assert.equal(code, 6, stderr);
  return stderr;
}

/** The store does not open, and opens after the hint is typed. */
function closedStore(
  title: string,
  hint: string,
  damage: (lab: HintLab) => void,
  isPossible = true,
): HintScenario {
  return {
    title: `the file store opens after ${title}`,
    hints: [hint],
    store: 'file',
    isPossible,
    async run(lab) {
      const stderr = await failToLogIn(lab, damage);
      const typed = await lab.type(hint, stderr);
      assert.equal(typed.code, 0, typed.stderr);
      const again = await logIn(lab);
      assert.equal(again.code, 0, again.stderr);
    },
  };
}

/** The store is given up: it is moved away, and a login creates another one. */
function replacedStore(
  title: string,
  hints: readonly string[],
  damage: (lab: HintLab) => void,
  steps: readonly TerminalStep[] = [oauthPrompt],
): HintScenario {
  return {
    title: `a new file store replaces one ${title}`,
    hints: [...hints, newStore, thenLogin],
    store: 'file',
    async run(lab) {
      const stderr = await failToLogIn(lab, damage);
      for (const hint of hints) lab.commandOf(hint, stderr);
      const moved = await lab.type(newStore, stderr);
      assert.equal(moved.code, 0, moved.stderr);
      const login = lab.commandOf(thenLogin, stderr);
      const typed = await lab.runInTerminal(login, steps);
      assert.match(typed, /logged in as/);
    },
  };
}

export const storeScenarios: readonly HintScenario[] = [
  closedStore('its key file is closed to others', 'require-private.ts: chmod ${} ${}', (lab) =>
    chmodSync(keyPath(lab), 0o644),
  ),
  closedStore(
    'its key file belongs to its user again',
    'require-private.ts: sudo chown ${} ${}',
    (lab) => chownSync(keyPath(lab), otherUid, otherUid),
    process.getuid?.() === 0,
  ),
  closedStore(
    'its folder is no longer a link',
    'folders.ts: folder="$(readlink -f ${})" && rm ${} && mv "$folder" ${}',
    (lab) => {
      renameSync(lab.path('state/iam-tokend'), lab.path('elsewhere'));
      symlinkSync(lab.path('elsewhere'), lab.path('state/iam-tokend'));
    },
  ),
  replacedStore(
    'whose key is lost',
    [`${problems}: restore the key that the store was created with`],
    (lab) => writeFileSync(keyPath(lab), 'x'.repeat(32), { mode: 0o600 }),
  ),
  replacedStore('whose key file is lost', [`${problems}: restore it`], (lab) => rmSync(keyPath(lab))),
  replacedStore('that is damaged', [`${problems}: restore it from a backup`], (lab) =>
    writeFileSync(storePath(lab), readFileSync(storePath(lab)).subarray(0, -1), { mode: 0o600 }),
  ),
  replacedStore(
    'that needs a key',
    [`${problems}: set "file: { key-file: PATH }" or "file: { credential: NAME }" in config.yaml`],
    (lab) => rmSync(lab.path('config/iam-tokend/config.yaml')),
    [...newPassphrasePrompts, oauthPrompt],
  ),
  {
    title: 'a key file that is too short is removed, and another is created',
    hints: ['key-file.ts: if no store uses it, iam-tokend can create another: rm ${}'],
    store: 'file',
    async run(lab) {
      writeFileSync(keyPath(lab), 'short', { mode: 0o600 });
      await startWithKeyFile(lab);
      const { stderr, code } = await logIn(lab);
      assert.equal(code, 6);
      const hint = 'key-file.ts: if no store uses it, iam-tokend can create another: rm ${}';
      assert.equal((await lab.type(hint, stderr)).code, 0);
      assert.ok(!existsSync(keyPath(lab)));
      assert.equal((await logIn(lab)).code, 0);
    },
  },
  {
    title: 'a passphrase is chosen, typed again, or read from a file',
    hints: [
      `${problems}: {choose its passphrase | unlock}`,
      `${problems}: {try again | unlock}`,
      `${problems}: {unlock}`,
      'unlock-store.ts: iam-token unlock --stdin < FILE',
      'unlock-store.ts: iam-token unlock',
    ],
    store: 'file',
    async run(lab) {
      const prompt = { expect: 'Passphrase of the file store (not shown): ', type: [passphrase, '\r'] };
      await lab.testEnv.startDaemon();
      const status = await lab.run('iam-token status');
      const chosen = await lab.typeInTerminal(
        `${problems}: {choose its passphrase | unlock}`,
        status.stdout.replace('hint ', 'hint: '),
        newPassphrasePrompts,
      );
      assert.equal(chosen.code, 0, chosen.screen);
      await restart(lab);
      writeFileSync(lab.path('passphrase'), `${passphrase}\n`);
      const piped = await lab.run('iam-token unlock');
      const fromFile = 'unlock-store.ts: iam-token unlock --stdin < FILE';
      assert.equal((await lab.type(fromFile, piped.stderr, { FILE: 'passphrase' })).code, 0);
      await restart(lab);
      const wrong = await lab.run(`iam-token unlock --stdin <<< 'correct mouse'`);
      assert.equal(
        (await lab.typeInTerminal(`${problems}: {try again | unlock}`, wrong.stderr, [prompt])).code,
        0,
      );
      await restart(lab);
      const login = await logIn(lab);
      assert.equal(
        (await lab.typeInTerminal('unlock-store.ts: iam-token unlock', login.stderr, [prompt])).code,
        0,
      );
      assert.equal((await logIn(lab)).code, 0);
      await restart(lab);
      const token = await lab.run('iam-token');
      assert.equal((await lab.typeInTerminal(`${problems}: {unlock}`, token.stderr, [prompt])).code, 0);
    },
  },
  {
    title: 'a store with a passphrase keeps it, whatever config.yaml says',
    hints: [
      `${problems}: set "file: { key: passphrase }" in config.yaml`,
      `${problems}: to use a passphrase, set "file: { key: passphrase }" in config.yaml`,
    ],
    store: 'file',
    async run(lab) {
      await lab.testEnv.startDaemon();
      await unlock(lab);
      await lab.testEnv.stopDaemon();
      await startWithKeyFile(lab);
      const { stderr } = await logIn(lab);
      lab.commandOf(`${problems}: set "file: { key: passphrase }" in config.yaml`, stderr);
      // The client sends no passphrase to such a store.
      const { error } = await callDaemon(lab.testEnv.socketPath, 'unlock', { passphrase });
      const usePassphrase = `${problems}: to use a passphrase, set "file: { key: passphrase }" in config.yaml`;
      lab.commandOf(usePassphrase, `hint: ${formatHint(error?.hint ?? '')}`);
      configure(lab, 'passphrase');
      await restart(lab);
      assert.equal((await unlock(lab)).code, 0);
    },
  },
];
