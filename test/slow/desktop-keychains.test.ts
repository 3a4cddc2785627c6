import assert from 'node:assert/strict';
import type { FullStatus } from '../../src/protocol/collect-pages.ts';
import { findHintLine } from '../conventions/hints/match-hint.ts';
import {
  collectionPath,
  lockCollection,
  moveDefaultToNewWallet,
  readDefaultPath,
} from '../support/stores/desktop/desktop-collections.ts';
import {
  createWallet,
  lockWallet,
  openSecondDatabase,
  password,
  startKeePassXC,
  startKWallet,
} from '../support/stores/desktop/desktop-keychains.ts';
import { DesktopSession, getDesktopSkipReason } from '../support/stores/desktop/desktop-session.ts';
import { listKeyringAccounts } from '../support/stores/keyring-items.ts';
import { oauthToken, startTestEnvironment, type TestEnvironment } from '../support/test-environment.ts';
import { waitUntil } from '../support/wait-until.ts';

/** A renewal every two seconds. */
const config = 'refresh: { schedule: "*/2 * * * * *", spread: false }\n';
const accessRequest = 'Access Request';

const describeOrSkip = (programs: readonly string[]): Mocha.SuiteFunction | Mocha.PendingSuiteFunction =>
  getDesktopSkipReason(programs) === null ? describe : describe.skip;

describe('windows of a keychain', () => {
  let session: DesktopSession;
  let testEnv: TestEnvironment;

  async function start(startKeychain: () => Promise<void>): Promise<void> {
    session = await DesktopSession.start();
    await startKeychain();
    testEnv = await startTestEnvironment({ keychainEnvironment: session.environment, config });
    await testEnv.startDaemon();
  }
  afterEach(async () => {
    await testEnv.stop();
    await session.stop();
  });

  const logIn = (): ReturnType<TestEnvironment['iamToken']> =>
    testEnv.iamToken(['login', '--stdin'], oauthToken);
  /** KeePassXC may ask or not, whatever its setting (seen with release 2.7.4). */
  async function logInWithAccess(): Promise<void> {
    const login = logIn();
    await session.answerWindow(accessRequest, '', login);
    assert.equal((await login).code, 0);
  }

  /** Runs the command of `iam-token` in a printed hint. */
  function typeHint(hint: string, printed: string): ReturnType<TestEnvironment['iamToken']> {
    const [, words = ''] = /: iam-token (.*)$/.exec(findHintLine(hint, printed)) ?? [];
    return testEnv.iamToken(words.split(' '));
  }

  const countRenewals = (): number => testEnv.emulator.countRequests('POST /iam/v1/tokens');

  async function waitForRenewals(): Promise<void> {
    const before = countRenewals();
    await waitUntil(() => countRenewals() >= before + 3, 'three scheduled renewals', 20_000);
  }

  async function restartDaemon(): Promise<void> {
    await testEnv.stopDaemon();
    await testEnv.startDaemon();
  }

  async function readStatus(): Promise<FullStatus> {
    return JSON.parse((await testEnv.iamToken(['status', '--json'])).stdout) as FullStatus;
  }

  const listAccounts = (): Promise<readonly string[]> => listKeyringAccounts(testEnv.environment);

  async function assertLocked(expected: RegExp): Promise<void> {
    const token = await testEnv.iamToken();
    assert.equal(token.code, 6);
    assert.match(token.stderr, expected);
    const { daemon, profiles } = await readStatus();
    assert.match(daemon.store.problem?.message ?? '', expected);
    assert.equal(profiles[0]?.state, 'keychain_locked');
    assert.match((await testEnv.iamToken(['doctor'])).stdout, expected);
  }

  describeOrSkip(['keepassxc', 'keepassxc-cli', 'dbus-send'])('KeePassXC', () => {
    for (const confirmsAccess of [true, false]) {
      describe(`with ConfirmAccessItem=${confirmsAccess}`, () => {
        beforeEach(async () => {
          await start(() => startKeePassXC(session, confirmsAccess));
          await logInWithAccess();
        });

        it('A4: stay as they are at scheduled renewals, a restart, token requests and a logout', async () => {
          const windows = await session.listWindows();
          assert.deepEqual(windows, ['b.kdbx - KeePassXC']);
          await waitForRenewals();
          assert.deepEqual(await session.listWindows(), windows);
          await restartDaemon();
          assert.equal((await testEnv.iamToken()).code, confirmsAccess ? 6 : 0);
          assert.deepEqual(await session.listWindows(), windows);
          if (!confirmsAccess) await waitForRenewals();
          const logout = await testEnv.iamToken(['logout']);
          assert.equal(logout.code, 0);
          assert.match(logout.stderr, /a removed credential is still in the keychain: KeePassXC may ask you/);
          assert.deepEqual(await session.listWindows(), windows);
          assert.equal((await listAccounts()).length, 1, 'no token was stored');
          const { hint = '' } = (await readStatus()).daemon.store.confirmation ?? {};
          const writePending =
            'keychain-problems.ts: {to write pending changes, now or after a restart | unlock}';
          const unlock = typeHint(writePending, `hint: ${hint}`);
          await session.answerWindow(accessRequest, '', unlock);
          assert.equal((await unlock).code, 0);
          await waitUntil(async () => (await listAccounts()).length === 0, 'the credential is removed');
        });

        it('A4: status and doctor name the reason, the setting and unlock', async () => {
          const { message = '', hint = '' } = (await readStatus()).daemon.store.confirmation ?? {};
          assert.match(message, /KeePassXC may ask you before each change, so nothing is written/);
          assert.match(hint, /iam-token unlock\n.*"Confirm when passwords are retrieved by clients"/);
          assert.match((await testEnv.iamToken(['status'])).stdout, /notice +KeePassXC may ask you/);
          assert.match(
            (await testEnv.iamToken(['doctor'])).stdout,
            /warning +store +.*KeePassXC may ask you/,
          );
        });
      });
    }

    it('A4: open for the items of all profiles at once, at unlock only', async () => {
      await start(() => startKeePassXC(session, true));
      assert.equal((await logIn()).code, 0);
      assert.equal((await testEnv.iamToken(['login', '--stdin', '--profile', 'b'], oauthToken)).code, 0);
      await restartDaemon();
      const locked = await testEnv.iamToken();
      assert.equal(locked.code, 6);
      assert.match(locked.stderr, /this item needs your confirmation in KeePassXC\n.*iam-token unlock/);
      const unlock = typeHint('keychain-problems.ts: {confirm it | unlock}', locked.stderr);
      await session.answerWindow(accessRequest);
      assert.equal((await unlock).stdout, 'unlocked\n');
      for (const profile of ['default', 'b'])
        assert.equal((await testEnv.iamToken(['--profile', profile])).code, 0);
      assert.deepEqual(await session.listWindows(), ['b.kdbx - KeePassXC']);
    });
  });

  describeOrSkip(['keepassxc', 'keepassxc-cli', 'dbus-send'])('KeePassXC with two databases', () => {
    for (const confirmsAccess of [true, false]) {
      it(`A5: open at unlock only, for the database of the credential after another became the default, with ConfirmAccessItem=${confirmsAccess}`, async () => {
        await start(() => startKeePassXC(session, confirmsAccess));
        await logInWithAccess();
        await openSecondDatabase(session, 'c');
        assert.equal(await readDefaultPath(session), collectionPath('c'));
        const windows = await session.listWindows();
        await restartDaemon();
        assert.equal((await testEnv.iamToken()).code, confirmsAccess ? 6 : 0, 'found in the first database');
        assert.equal((await readStatus()).daemon.store.state, 'open');

        await lockCollection(session, 'b');
        await restartDaemon();
        await assertLocked(/the credential may be in a locked keyring: "b"/);
        assert.deepEqual(await session.listWindows(), windows);
        const unlock = testEnv.iamToken(['unlock']);
        await session.answerWindow('Unlock Database', password);
        if (confirmsAccess) await session.answerWindow(accessRequest);
        assert.equal((await unlock).stdout, 'unlocked\n');
        assert.equal((await testEnv.iamToken()).code, 0);
        assert.equal((await readStatus()).daemon.store.problem, null);
        assert.equal((await listAccounts()).length, 1, 'no second item');
      });
    }
  });

  describeOrSkip(['kwalletd5', 'dbus-send'])('KWallet', () => {
    it('A4: open to create a wallet at login, and at no renewal, restart, lock or logout', async () => {
      await start(() => startKWallet(session));
      assert.equal((await readStatus()).daemon.store.problem?.code, 'keychain_unavailable');
      assert.deepEqual(await session.listWindows(), []);
      const login = logIn();
      await createWallet(session);
      assert.equal((await login).code, 0);
      const windows = await session.listWindows();
      await waitForRenewals();
      assert.equal((await readStatus()).daemon.store.confirmation, undefined);
      await restartDaemon();
      assert.equal((await testEnv.iamToken()).code, 0);
      await lockWallet(session);
      await waitForRenewals();
      assert.equal((await readStatus()).daemon.store.problem?.code, 'keychain_locked');
      await restartDaemon();
      assert.equal((await testEnv.iamToken()).code, 6);
      assert.equal((await testEnv.iamToken(['logout'])).code, 0);
      assert.deepEqual(await session.listWindows(), windows);
    });

    it('A5: open at unlock only, for the wallet of the credential after another became the default', async () => {
      await start(() => startKWallet(session));
      const login = logIn();
      await createWallet(session);
      assert.equal((await login).code, 0);
      await waitUntil(async () => (await listAccounts()).length === 2, 'the token is stored');
      await moveDefaultToNewWallet(session, 'Second');
      await waitForRenewals();
      await restartDaemon();
      assert.equal((await testEnv.iamToken()).code, 0);
      assert.equal((await listAccounts()).length, 2, 'replaced in the first wallet');

      await lockCollection(session, 'Login');
      await restartDaemon();
      await assertLocked(/the keyring "Login", which holds the credential, is locked/);
      assert.deepEqual(await session.listWindows(), []);
      const unlock = testEnv.iamToken(['unlock']);
      await session.answerWindow('KDE Wallet Service', password);
      assert.equal((await unlock).stdout, 'unlocked\n');
      assert.equal((await testEnv.iamToken()).code, 0);
      await lockCollection(session, 'Second');
      await waitForRenewals();
      assert.equal((await readStatus()).daemon.store.state, 'open', 'no item is in the locked wallet');
      assert.equal((await testEnv.iamToken(['logout'])).code, 0);
      assert.deepEqual(await listAccounts(), []);
      assert.deepEqual(await session.listWindows(), []);
    });
  });
});
