/** Hints about authorized keys and their rotation. The store has a key file, because the memory store rotates no key. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { formatKeyFile, getTestKey } from '../../support/iam/test-keys.ts';
import { oauthToken } from '../../support/test-environment.ts';
import type { HintLab } from './hint-lab.ts';
import type { HintScenario } from './hint-scenario.ts';

const key = getTestKey(2048);
const account = key.serviceAccountId;
/** Another key of the same account. */
const otherKey = { ...key, id: 'ajekother0000000000' };

async function startDaemon(lab: HintLab): Promise<void> {
  const { testEnv } = lab;
  writeFileSync(lab.path('store.key'), 'k'.repeat(32), { mode: 0o600 });
  writeFileSync(
    lab.path('config/iam-tokend/config.yaml'),
    `file: { key: { key-file: "${lab.path('store.key')}" } }\n`,
  );
  testEnv.emulator.keys.generateKeyPair = () => key;
  for (const each of [key, otherKey]) testEnv.emulator.allowKey(each);
  writeFileSync(lab.path('key.json'), formatKeyFile(key), { mode: 0o600 });
  writeFileSync(lab.path('authorized_key.json'), formatKeyFile(otherKey), { mode: 0o600 });
  await testEnv.startDaemon();
}

async function expectSuccess(lab: HintLab, line: string): Promise<string> {
  const { code, stdout, stderr } = await lab.run(line);
  assert.equal(code, 0, stderr);
  return stdout;
}

const addRole =
  'key-management.ts: yc iam service-account add-access-binding ${} --role ${} --subject serviceAccount:${}';
const listKeys =
  'key-management.ts: delete keys that are not in use: yc iam key list --service-account-id ${}';
const replaceAtLogin = 'login-replace-key.ts: ${} --service-account-key ${} --replace-key --yes';

export const keyScenarios: readonly HintScenario[] = [
  {
    title: 'the key in a file is replaced at a login, once the account has the role and room for a key',
    hints: [replaceAtLogin, addRole, listKeys],
    store: 'file',
    async run(lab) {
      await startDaemon(lab);
      lab.recordProgram('yc');
      const { emulator } = lab.testEnv;
      const asked = await lab.run('iam-token login --service-account-key key.json --replace-key');
      const withoutRole = await lab.type(replaceAtLogin, asked.stderr);
      assert.equal((await lab.type(addRole, withoutRole.stderr)).code, 0);
      const role = 'iam.serviceAccounts.keyAdmin';
      assert.deepEqual(lab.listCalls(), [
        `yc iam service-account add-access-binding ${account} --role ${role} --subject serviceAccount:${account}`,
      ]);
      emulator.keys.grant(account, account);
      emulator.keys.quota = 1;
      const withoutRoom = await lab.type(replaceAtLogin, asked.stderr);
      assert.equal((await lab.type(listKeys, withoutRoom.stderr)).code, 0);
      assert.equal(lab.listCalls()[1], `yc iam key list --service-account-id ${account}`);
      emulator.keys.quota = Infinity;
      const replaced = await lab.type(replaceAtLogin, asked.stderr);
      assert.equal(replaced.code, 0, replaced.stderr);
      assert.match(replaced.stdout, /key\.json is worthless from now on/);
      assert.ok(!emulator.keys.has(key.id));
    },
  },
  {
    title: 'a profile without a key gets one, and keys whose files are still valid are rotated',
    hints: [
      'live-key.ts: {login | service-account-key}',
      'keys-check.ts: iam-token rotate-key',
      'keys-check.ts: iam-token rotate-key ${}',
    ],
    store: 'file',
    async run(lab) {
      await startDaemon(lab);
      const { emulator } = lab.testEnv;
      emulator.keys.grant(account, account);
      await expectSuccess(lab, `iam-token login --stdin <<< '${oauthToken}'`);
      const withoutKey = await lab.run('iam-token rotate-key');
      const login = await lab.type('live-key.ts: {login | service-account-key}', withoutKey.stderr, {
        FILE: 'key.json',
      });
      assert.equal(login.code, 0, login.stderr);
      await expectSuccess(lab, "iam-token login --profile 'my ci' --service-account-key authorized_key.json");
      const { stdout: findings } = await lab.run('iam-token doctor');
      for (const [hint, oldKey] of [
        ['keys-check.ts: iam-token rotate-key', key],
        ['keys-check.ts: iam-token rotate-key ${}', otherKey],
      ] as const) {
        const { code, stderr } = await lab.type(hint, findings);
        assert.equal(code, 0, stderr);
        assert.ok(!emulator.keys.has(oldKey.id), hint);
      }
      assert.match((await lab.run('iam-token doctor')).stdout, /^ok +keys/m);
    },
  },
  {
    title: 'a key is rotated with an encrypted file in place of the memory store',
    hints: [
      'find-store-obstacle.ts: use an encrypted file (for the service, with "store: file" in config.yaml): iam-tokend --store file',
    ],
    async run(lab) {
      await startDaemon(lab);
      lab.testEnv.emulator.keys.grant(account, account);
      const logIn = 'iam-token login --service-account-key key.json';
      await expectSuccess(lab, logIn);
      const { stderr, code } = await lab.run('iam-token rotate-key');
      assert.equal(code, 2, stderr);
      await lab.run('iam-token stop');
      const hint =
        'find-store-obstacle.ts: use an encrypted file (for the service, with "store: file" in config.yaml): iam-tokend --store file';
      await lab.run(`${lab.commandOf(hint, stderr)} &`);
      await lab.untilListening();
      await expectSuccess(lab, logIn);
      await expectSuccess(lab, 'iam-token rotate-key');
      await lab.run('iam-token stop');
    },
  },
];
