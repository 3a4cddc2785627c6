import assert from 'node:assert/strict';
import { chmodSync, existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { credentialFixtures } from '../../support/iam/credential-fixtures.ts';
import { formatKeyFile, getTestKey } from '../../support/iam/test-keys.ts';
import { oauthToken } from '../../support/test-environment.ts';
import type { HintLab } from './hint-lab.ts';
import type { HintScenario } from './hint-scenario.ts';

export async function logIn(lab: HintLab, kind: string, ...args: readonly string[]) {
  const credential = await (credentialFixtures[kind] ?? assert.fail(kind))(
    lab.testEnv,
    lab.testEnv.folder,
    0,
  );
  const { code, stdout, stderr } = await lab.testEnv.iamToken(
    ['login', ...args, ...credential.args],
    credential.stdin,
  );
  assert.equal(code, 0, stderr);
  return { credential, stdout, stderr };
}

/** IAM rejects the credential of a profile, and the typed login repairs it. */
function rejectedCredential(
  kind: string,
  hint: string,
  values: (lab: HintLab) => Record<string, string> = () => ({}),
): HintScenario {
  return {
    title: `a rejected credential of the kind ${kind} is replaced by the login that the hint names`,
    hints: [hint],
    async run(lab) {
      await lab.testEnv.startDaemon();
      const { credential } = await logIn(lab, kind, '--profile', 'other');
      const { credential: work } = await logIn(lab, kind, '--profile', 'my work');
      credential.rejectCredential();
      const { stderr, code } = await lab.run("iam-token refresh --profile 'my work'");
      assert.equal(code, kind === 'workload-identity' ? 5 : 4, stderr);
      work.acceptCredential();
      await work.prepareRenewal();
      const command = lab.commandOf(hint, stderr, values(lab));
      assert.match(command, new RegExp(`^iam-token login --profile='my work' --${kind}\\b`));
      const typed = kind === 'oauth' ? await typeOauth(lab, command) : await lab.run(command);
      assert.equal(typed.code, 0, typed.stderr);
      assert.equal((await lab.run("iam-token --profile 'my work' --min-ttl 1m")).code, 0);
    },
  };
}

const typeOauth = (lab: HintLab, command: string) => lab.run(`${command} --stdin <<< '${oauthToken}'`);

const keyFile = (lab: HintLab): string => {
  const path = lab.path('key.json');
  writeFileSync(path, formatKeyFile(getTestKey(2048)), { mode: 0o600 });
  lab.testEnv.emulator.allowKey(getTestKey(2048));
  return path;
};

export const loginScenarios: readonly HintScenario[] = [
  rejectedCredential('service-account-key', 'rpc-status.ts: {login}', (lab) => ({
    FILE: keyFile(lab),
  })),
  {
    title: 'an OAuth token that IAM rejects is replaced by an older one, or by another kind',
    hints: [
      'rpc-status.ts: {${} | login | oauth}',
      'oauth-sunset.ts: log in with another kind: --service-account-key FILE, --yc, --metadata (on a VM), --workload-identity ID (Kubernetes, CI)',
      'oauth-sunset.ts: {login | ${}}',
    ],
    async run(lab) {
      await lab.testEnv.startDaemon();
      const { credential } = await logIn(lab, 'oauth');
      credential.rejectCredential();
      const { stderr } = await lab.run('iam-token refresh');
      credential.acceptCredential();
      const older = lab.commandOf('rpc-status.ts: {${} | login | oauth}', stderr);
      assert.equal((await typeOauth(lab, older)).code, 0);
      const command = stderr.split('\n').find((line) => line.includes('hint: iam-token login')) ?? '';
      const other = await lab.type('oauth-sunset.ts: {login | ${}}', command, {
        FILE: keyFile(lab),
      });
      assert.equal(other.code, 0, other.stderr);
      lab.findHint(
        'oauth-sunset.ts: log in with another kind: --service-account-key FILE, --yc, --metadata (on a VM), --workload-identity ID (Kubernetes, CI)',
        stderr,
      );
    },
  },
  {
    title: 'a workload identity is logged in again with its own account, file and URL',
    hints: ['workload-identity.ts: {login | ${} --token-url URL}'],
    async run(lab) {
      await lab.testEnv.startDaemon();
      const { credential } = await logIn(lab, 'workload-identity', '--profile', 'ci');
      const endpoint = 'https://iam.example.net';
      const { stderr, code } = await lab.run(
        `iam-token login --profile ci --endpoint ${endpoint} ${credential.args.join(' ')}`,
      );
      assert.equal(code, 2);
      const hint = 'workload-identity.ts: {login | ${} --token-url URL}';
      const command = lab.commandOf(hint, stderr, { URL: `${lab.testEnv.emulator.url}/oauth/token` });
      assert.ok(command.includes(`--workload-identity ${credential.subject} --token-file /`), command);
      const typed = await lab.run(command);
      assert.equal(typed.code, 0, typed.stderr);
    },
  },
  {
    title: 'a login of yc repeats the profile of yc',
    hints: [
      'yc-output.ts: look at what yc prints in a terminal: yc iam create-token',
      'yc-output.ts: {then | refresh}',
      'yc-output.ts: {refresh}',
    ],
    async run(lab) {
      await lab.testEnv.startDaemon();
      const { credential } = await logIn(lab, 'yc', '--profile', 'work');
      credential.rejectCredential();
      const { stderr } = await lab.run('iam-token refresh --profile work');
      lab.shellEnv['PATH'] += `:${lab.path('yandex-cloud/bin')}`;
      const shown = await lab.type(
        'yc-output.ts: look at what yc prints in a terminal: yc iam create-token',
        stderr,
      );
      assert.notEqual(shown.code, 127, shown.stderr);
      credential.acceptCredential();
      await credential.prepareRenewal();
      assert.equal((await lab.type('yc-output.ts: {then | refresh}', stderr)).code, 0);
      const login = await lab.run('iam-token login --profile prod --yc --yc-profile "my prod"');
      assert.equal(login.code, 0, login.stderr);
      const list = readFileSync(lab.path('config/iam-tokend/profiles.json'), 'utf8');
      assert.match(list, /"settings": \{\s+"profile": "my prod"\s+\}/);
    },
  },
  {
    title: 'yc is installed, then the login works',
    hints: ['yc-output.ts: {install it (https://yandex.cloud/en/docs/cli/quickstart), then | login | yc}'],
    async run(lab) {
      await lab.testEnv.startDaemon();
      const { stderr } = await lab.run('iam-token login --yc');
      await credentialFixtures['yc']?.(lab.testEnv, lab.testEnv.folder, 0);
      const hint =
        'yc-output.ts: {install it (https://yandex.cloud/en/docs/cli/quickstart), then | login | yc}';
      const command = lab.commandOf(hint, stderr).replace(/^.*then: /, '');
      const typed = await lab.run(command);
      assert.equal(typed.code, 0, typed.stderr);
    },
  },
  {
    title: 'a service account is attached to the VM, then the login works',
    hints: [
      'metadata.ts: attach one: yc compute instance update VM --service-account-id ID',
      'metadata.ts: {then | login | metadata}',
    ],
    async run(lab) {
      await lab.testEnv.startDaemon();
      lab.testEnv.emulator.attachServiceAccount(null);
      const { stderr } = await lab.run('iam-token login --metadata');
      lab.recordProgram('yc');
      const hint = 'metadata.ts: attach one: yc compute instance update VM --service-account-id ID';
      assert.equal((await lab.type(hint, stderr, { VM: 'vm1', ID: 'ajevm' })).code, 0);
      assert.deepEqual(lab.listCalls(), ['yc compute instance update vm1 --service-account-id ajevm']);
      lab.testEnv.emulator.attachServiceAccount('ajevm00000000000001');
      const typed = await lab.type('metadata.ts: {then | login | metadata}', stderr);
      assert.equal(typed.code, 0, typed.stderr);
    },
  },
  {
    title: 'a key file is closed to others, and removed once it is no longer needed',
    hints: ['secret-file.ts: chmod 600 ${}', 'login-kinds.ts: ${} ${}'],
    store: 'file',
    async run(lab) {
      await lab.testEnv.startDaemon();
      await lab.run(`iam-token unlock --stdin <<< 'a passphrase'`);
      const path = keyFile(lab);
      chmodSync(path, 0o644);
      const { stderr, code } = await lab.run('iam-token login --service-account-key key.json');
      assert.equal(code, 0, stderr);
      assert.equal((await lab.type('secret-file.ts: chmod 600 ${}', stderr)).code, 0);
      assert.equal(statSync(path).mode & 0o777, 0o600);
      assert.equal((await lab.type('login-kinds.ts: rm key.json', stderr)).code, 0);
      assert.ok(!existsSync(path));
    },
  },
  {
    title: 'a login without a terminal reads what the hint names',
    hints: [
      'login-kinds.ts: ${} --stdin < FILE',
      'login-kinds.ts: ${} --service-account-key FILE',
      'login-kinds.ts: ${} --workload-identity SA_ID --token-file PATH',
      'login-kinds.ts: {login}',
    ],
    async run(lab) {
      await lab.testEnv.startDaemon();
      writeFileSync(lab.path('token'), oauthToken);
      const oauth = await lab.run("iam-token login --profile 'a b' --oauth");
      const typed = await lab.type('login-kinds.ts: ${} --stdin < FILE', oauth.stderr, {
        FILE: 'token',
      });
      assert.equal(typed.code, 0, typed.stderr);
      const { credential } = await logIn(lab, 'workload-identity');
      const federation = await lab.run('iam-token login --workload-identity ajeci');
      const hint = 'login-kinds.ts: ${} --workload-identity SA_ID --token-file PATH';
      const values = { SA_ID: credential.subject, PATH: credential.args[1] ?? '' };
      assert.equal((await lab.type(hint, federation.stderr, values)).code, 0);
      const terminal = await lab.runInTerminal('iam-token login --service-account-key -');
      const key = await lab.type('login-kinds.ts: ${} --service-account-key FILE', terminal, {
        FILE: keyFile(lab),
      });
      assert.equal(key.code, 0, key.stderr);
    },
  },
  ...(['no_cloud', 'no_agreement'] as const).map((rejectionReason): HintScenario => {
    const hint = {
      no_cloud:
        'rpc-status.ts: {open https://console.yandex.cloud with that account and create a cloud, then | login}',
      no_agreement: 'rpc-status.ts: {open https://auth.yandex.cloud/agreement and accept, then | login}',
    }[rejectionReason];
    return {
      title: `an incomplete account (${rejectionReason}) is completed on the page, then the login works`,
      hints: [hint],
      async run(lab) {
        await lab.testEnv.startDaemon();
        lab.testEnv.emulator.allowOauthToken({ token: oauthToken, rejectionReason });
        const { stderr } = await lab.run(`iam-token login --profile work --stdin <<< '${oauthToken}'`);
        lab.testEnv.emulator.allowOauthToken({ token: oauthToken });
        const command = lab.commandOf(hint, stderr).replace(/^.*then: /, '');
        assert.equal(command, 'iam-token login --profile work --oauth');
        assert.equal((await typeOauth(lab, command)).code, 0);
      },
    };
  }),
];
