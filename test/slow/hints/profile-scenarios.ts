import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { formatHint } from '../../../src/shared/hint.ts';
import { callDaemon } from '../../support/daemon/call-daemon.ts';
import { getTestKey } from '../../support/iam/test-keys.ts';
import { oauthToken } from '../../support/test-environment.ts';
import type { HintScenario } from './hint-scenario.ts';
import { logIn } from './login-scenarios.ts';

/** Enter chooses the first kind. */
const loginSteps = [{ expect: ']: ', type: ['\r'] }];

export const profileScenarios: readonly HintScenario[] = [
  {
    title: 'a profile is found, chosen or logged in',
    hints: [
      'profile-problems.ts: iam-token profiles',
      'profile-problems.ts: {login}',
      'profiles-check.ts: iam-token profiles',
      'profiles-check.ts: iam-token use ${}',
      'token-environment.ts: iam-token use ${}',
    ],
    async run(lab) {
      writeFileSync(lab.path('config/iam-tokend/config.yaml'), 'metadata: { listen: "127.0.0.1:0" }\n');
      await lab.testEnv.startDaemon();
      lab.testEnv.emulator.attachServiceAccount('ajevm00000000000001');
      const { stderr: none } = await lab.run('iam-token');
      const login = await lab.typeInTerminal('profile-problems.ts: {login}', none, loginSteps);
      assert.equal(login.code, 0, login.screen);
      await logIn(lab, 'oauth', '--profile', 'work');
      const unknown = await lab.run('iam-token --profile nope');
      const list = await lab.type('profile-problems.ts: iam-token profiles', unknown.stderr);
      assert.match(list.stdout, /work/);
      const metadata = await lab.run('iam-token exec --profile work --metadata-only -- true');
      const use = await lab.type('token-environment.ts: iam-token use ${}', metadata.stderr);
      assert.equal(use.code, 0);
      assert.equal((await lab.run('iam-token exec --profile work --metadata-only -- true')).code, 0);
      const variable = await lab.run('iam-token doctor', { IAM_TOKEND_PROFILE: 'nope' });
      assert.match((await lab.type('profiles-check.ts: iam-token profiles', variable.stdout)).stdout, /work/);
      await lab.run('iam-token logout --profile work');
      const noDefault = await lab.run('iam-token doctor');
      assert.equal((await lab.type('profiles-check.ts: iam-token use ${}', noDefault.stdout)).code, 0);
      assert.equal((await lab.run('iam-token')).code, 0);
    },
  },
  {
    title: 'another endpoint is given with a login, and not as a setting',
    hints: ['edit-profile.ts: {login | --endpoint URL}'],
    async run(lab) {
      await lab.testEnv.startDaemon();
      await logIn(lab, 'oauth', '--profile', 'work');
      // The client sends no such request.
      const edit = { profile: 'work', endpoint: 'https://iam.example.net' };
      const { error } = await callDaemon(lab.testEnv.socketPath, 'login', edit);
      const hint = 'edit-profile.ts: {login | --endpoint URL}';
      const printed = `hint: ${formatHint(error?.hint ?? '')}`;
      const command = lab.commandOf(hint, printed, { URL: lab.testEnv.emulator.url });
      const typed = await lab.run(`${command} --stdin <<< '${oauthToken}'`);
      assert.equal(typed.code, 0, typed.stderr);
    },
  },
  {
    title: 'a name is freed for another profile',
    hints: ['edit-profile.ts: to remove it: iam-token logout ${}'],
    async run(lab) {
      await lab.testEnv.startDaemon();
      await logIn(lab, 'oauth', '--profile', 'work');
      await logIn(lab, 'metadata', '--profile', 'my home');
      const { stderr, code } = await lab.run("iam-token profiles rename work 'my home'");
      assert.equal(code, 2);
      assert.equal((await lab.type('edit-profile.ts: to remove it: iam-token logout ${}', stderr)).code, 0);
      assert.equal((await lab.run("iam-token profiles rename work 'my home'")).code, 0);
      assert.equal((await lab.run("iam-token --profile 'my home'")).code, 0);
    },
  },
  {
    title: 'the hints of logout lead on',
    hints: ['service-account-key.ts: yc iam key delete ${}', 'yc.ts: yc config profile delete ${}'],
    async run(lab) {
      await lab.testEnv.startDaemon();
      await logIn(lab, 'service-account-key', '--profile', 'key');
      await logIn(lab, 'yc', '--profile', 'yc', '--yc-profile', 'prod');
      const key = await lab.run('iam-token logout --profile key --revoke');
      const yc = await lab.run('iam-token logout --profile yc --revoke');
      lab.recordProgram('yc');
      await lab.type('service-account-key.ts: yc iam key delete ${}', key.stderr);
      await lab.type('yc.ts: yc config profile delete ${}', yc.stderr);
      assert.deepEqual(lab.listCalls(), [
        `yc iam key delete ${getTestKey(2048).id}`,
        'yc config profile delete prod',
      ]);
    },
  },
];
