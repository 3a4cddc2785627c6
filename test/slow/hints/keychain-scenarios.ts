/** With a real gnome-keyring on a bus of its own. */
import assert from 'node:assert/strict';
import { cpSync, existsSync } from 'node:fs';
import { createConnection } from 'node:net';
import { text } from 'node:stream/consumers';
import { getKeyringSkipReason, startPrivateKeyring } from '../../support/stores/private-keyring.ts';
import { oauthToken } from '../../support/test-environment.ts';
import { waitUntil } from '../../support/wait-until.ts';
import type { HintLab } from './hint-lab.ts';
import type { HintScenario } from './hint-scenario.ts';

const problems = 'keychain-problems.ts';
const libsecret = '/usr/lib/x86_64-linux-gnu/libsecret-1.so.0';
const isRoot = process.getuid?.() === 0;
const hasKeyring = getKeyringSkipReason() === null;
/** There, a purge by root would be that of the daemon for all users. */
const canPurge = isRoot && !existsSync('/run/systemd/system');

const logIn = (lab: HintLab) => lab.testEnv.iamToken(['login', '--stdin'], oauthToken);
const keyringOf = ({ testEnv: { keyring } }: HintLab) => keyring ?? assert.fail('there is no keyring');
const configFolder = (lab: HintLab): string => lab.path('config/iam-tokend');

async function expectLogin(lab: HintLab): Promise<void> {
  const { code, stderr } = await logIn(lab);
  assert.equal(code, 0, stderr);
}

async function expectTyped(lab: HintLab, hint: string, printed: string): Promise<string> {
  const { code, stdout, stderr } = await lab.type(hint, printed);
  assert.equal(code, 0, stderr);
  return stdout;
}

/** `status` aligns its hints in a column. */
async function readStatus(lab: HintLab): Promise<string> {
  return (await lab.run('iam-token status')).stdout.replaceAll(/^ +hint +/gm, 'hint: ');
}

export const keychainScenarios: readonly HintScenario[] = [
  {
    title: 'a keyring is unlocked, and a removed credential leaves it',
    hints: [`${problems}: {unlock it | unlock}`, 'leftover-slots.ts: {or now | unlock}'],
    store: 'keychain',
    isPossible: hasKeyring,
    async run(lab) {
      await lab.testEnv.startDaemon();
      await expectLogin(lab);
      await lab.testEnv.stopDaemon();
      await keyringOf(lab).lock();
      await lab.testEnv.startDaemon();
      const { stderr, code } = await lab.run('iam-token');
      assert.equal(code, 6, stderr);
      await keyringOf(lab).unlock();
      await expectTyped(lab, `${problems}: {unlock it | unlock}`, stderr);
      assert.match((await lab.run('iam-token')).stdout, /^t1\./);
      await keyringOf(lab).lock();
      const logout = await lab.run('iam-token logout');
      await keyringOf(lab).unlock();
      await expectTyped(lab, 'leftover-slots.ts: {or now | unlock}', logout.stderr);
      await waitUntil(async () => !(await readStatus(lab)).includes('leftovers'), 'the keyring is empty');
    },
  },
  {
    title: 'a keychain service is installed, and a keyring is created',
    hints: [
      `${problems}: \${}apt-get install gnome-keyring`,
      `${problems}: {create one in a desktop session | login}`,
    ],
    store: 'keychain',
    isPossible: hasKeyring,
    async run(lab) {
      const keyring = await startPrivateKeyring('no service');
      try {
        const { DBUS_SESSION_BUS_ADDRESS = '' } = keyring.environment;
        await lab.testEnv.startDaemon([], { DBUS_SESSION_BUS_ADDRESS });
        const withoutService = await logIn(lab);
        lab.recordProgram('apt-get');
        await expectTyped(lab, `${problems}: \${}apt-get install gnome-keyring`, withoutService.stderr);
        assert.deepEqual(lab.listCalls(), ['apt-get install gnome-keyring']);
        await keyring.startService();
        await lab.testEnv.stopDaemon();
        await lab.testEnv.startDaemon([], { DBUS_SESSION_BUS_ADDRESS });
        const withoutKeyring = await readStatus(lab);
        await keyring.stopService();
        await keyring.startService(true);
        const hint = `${problems}: {create one in a desktop session | login}`;
        const command = lab.commandOf(hint, withoutKeyring);
        const typed = await lab.run(`${command} --oauth --stdin <<< '${oauthToken}'`);
        assert.equal(typed.code, 0, typed.stderr);
      } finally {
        await lab.testEnv.stopDaemon();
        await keyring.stop();
      }
    },
  },
  {
    title: 'a frozen keychain service is restarted',
    hints: [`${problems}: restart it: gnome-keyring-daemon --replace`],
    store: 'keychain',
    isPossible: hasKeyring,
    async run(lab) {
      await lab.testEnv.startDaemon();
      keyringOf(lab).freeze();
      const { stderr } = await logIn(lab);
      lab.writeProgram('gnome-keyring-daemon', 'echo "$*" >replaced');
      await expectTyped(lab, `${problems}: restart it: gnome-keyring-daemon --replace`, stderr);
      assert.equal((await lab.run('cat replaced')).stdout, '--replace\n');
      keyringOf(lab).thaw();
      await expectLogin(lab);
    },
  },
  {
    title: 'the library of the keychain is installed',
    hints: [`${problems}: \${}apt-get install libsecret-1-0`],
    store: 'keychain',
    isPossible: hasKeyring && isRoot && existsSync(libsecret),
    async run(lab) {
      await lab.testEnv.startDaemon();
      await expectLogin(lab);
      await lab.testEnv.stopDaemon();
      const script = `mount --bind /dev/null "$(readlink -f ${libsecret})" && exec "$@"`;
      await lab.testEnv.startDaemon([], {}, ['unshare', '--mount', 'sh', '-c', script, 'sh']);
      const { stderr, code } = await lab.run('iam-token refresh');
      assert.equal(code, 6, stderr);
      lab.recordProgram('apt-get');
      await expectTyped(lab, `${problems}: \${}apt-get install libsecret-1-0`, stderr);
      assert.deepEqual(lab.listCalls(), ['apt-get install libsecret-1-0']);
    },
  },
  {
    title: 'a credential that an earlier store holds is removed',
    hints: [
      'leftover-slots.ts: to remove it (stop this daemon when status shows no leftovers, and start it as before): iam-token stop; iam-tokend --store ${}',
      'purge.ts: iam-tokend --store keychain --purge',
    ],
    store: 'keychain',
    isPossible: hasKeyring,
    async run(lab) {
      await lab.testEnv.startDaemon();
      await expectLogin(lab);
      await lab.testEnv.stopDaemon();
      const purge = await lab.run('iam-tokend --store memory --purge; true');
      cpSync(configFolder(lab), lab.path('copy'), { recursive: true });
      await expectTyped(lab, 'purge.ts: iam-tokend --store keychain --purge', purge.stderr);
      assert.ok(!existsSync(configFolder(lab)));

      await lab.run('mkdir -m 700 config/iam-tokend');
      await lab.testEnv.startDaemon();
      await expectLogin(lab);
      await lab.testEnv.stopDaemon();
      await lab.testEnv.startDaemon(['--store', 'memory']);
      await expectLogin(lab);
      const hint =
        'leftover-slots.ts: to remove it (stop this daemon when status shows no leftovers, and start it as before): iam-token stop; iam-tokend --store ${}';
      await lab.run(`${lab.commandOf(hint, await readStatus(lab))} &`);
      await waitUntil(
        async () => /^ *store +keychain(?!.*leftovers)/ms.test(await readStatus(lab)),
        'the keychain is empty',
      );
      await lab.run('iam-token stop');
    },
  },
  {
    title: 'a purge without a keychain is completed',
    hints: [
      'purge.ts: once the keychain is available: iam-token uninstall --purge',
      'purge.ts: if there is no keychain: rm -r ${}',
    ],
    store: 'keychain',
    isPossible: hasKeyring && canPurge,
    async run(lab) {
      await lab.testEnv.startDaemon();
      await expectLogin(lab);
      await lab.testEnv.stopDaemon();
      await keyringOf(lab).stopBus();
      const { stderr } = await lab.run('iam-token uninstall --purge');
      cpSync(configFolder(lab), lab.path('copy'), { recursive: true });
      await expectTyped(lab, 'purge.ts: if there is no keychain: rm -r ${}', stderr);
      assert.ok(!existsSync(configFolder(lab)));
      cpSync(lab.path('copy'), configFolder(lab), { recursive: true });
      await keyringOf(lab).startBus();
      await keyringOf(lab).startService(true);
      await expectTyped(lab, 'purge.ts: once the keychain is available: iam-token uninstall --purge', stderr);
      assert.ok(!existsSync(configFolder(lab)));
    },
  },
  {
    title: 'a purge is repeated after a folder is freed',
    hints: ['purge.ts: iam-token uninstall --purge'],
    isPossible: canPurge,
    async run(lab) {
      lab.shellEnv['IAM_TOKEND_STORE'] = 'memory';
      const script =
        'mkdir -p state/iam-tokend/x && mount -t tmpfs x state/iam-tokend/x; iam-token uninstall --purge';
      const { stderr, code } = await lab.run(`unshare --mount bash -c '${script}'`);
      assert.equal(code, 1, stderr);
      await expectTyped(lab, 'purge.ts: iam-token uninstall --purge', stderr);
      assert.ok(!existsSync(lab.path('state/iam-tokend')));
    },
  },
  {
    title: 'a passphrase for a store that has none is left out',
    hints: [`${problems}: {unlock it without one | unlock}`],
    async run(lab) {
      await lab.testEnv.startDaemon();
      await lab.run('iam-token lock');
      const socket = createConnection(lab.testEnv.socketPath);
      const request = { v: 1, id: 1, method: 'unlock', params: { passphrase: 'x' } };
      socket.end(`${JSON.stringify({ type: 'iam-token', data: request })}\f`);
      const response = JSON.parse((await text(socket)).replace('\f', '')) as {
        readonly data: { readonly error: { readonly hint: string } };
      };
      await expectTyped(
        lab,
        `${problems}: {unlock it without one | unlock}`,
        `hint: ${response.data.error.hint}`,
      );
      assert.equal((await logIn(lab)).code, 0);
    },
  },
];
