import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { shimMarker } from '../../../src/platform/program-candidates.ts';
import { respondWith, ScriptedDaemon } from '../../support/daemon/scripted-daemon.ts';
import type { HintLab } from './hint-lab.ts';
import type { HintScenario } from './hint-scenario.ts';

const doctor = async (lab: HintLab, env: Readonly<Record<string, string>> = {}): Promise<string> =>
  (await lab.run('iam-token doctor', env)).stdout;

function installShim(lab: HintLab): void {
  mkdirSync(lab.path('.local/bin'), { recursive: true });
  const path = lab.path('.local/bin/docker-credential-iam-token');
  writeFileSync(path, `#!/bin/sh\n${shimMarker}\necho found\n`);
  chmodSync(path, 0o755);
}

export const doctorScenarios: readonly HintScenario[] = [
  {
    title: 'doctor: PATH gets ~/.local/bin, in this shell and in later ones',
    hints: [`add-to-path.ts: echo 'export PATH="$HOME/.local/bin:$PATH"' >> \${} && . \${}`],
    async run(lab) {
      installShim(lab);
      const hint = `add-to-path.ts: echo 'export PATH="$HOME/.local/bin:$PATH"' >> \${} && . \${}`;
      const command = lab.commandOf(hint, await doctor(lab, { SHELL: '/bin/bash' }));
      const now = await lab.run(`${command}; docker-credential-iam-token`);
      assert.equal(now.stdout, 'found\n', now.stderr);
      const later = await lab.run('bash --rcfile ~/.bashrc -ic docker-credential-iam-token');
      assert.match(later.stdout, /found/);
    },
  },
  {
    title: 'doctor: fish gets it too',
    hints: ['add-to-path.ts: fish_add_path ~/.local/bin'],
    isPossible: existsSync('/usr/bin/fish'),
    async run(lab) {
      installShim(lab);
      const hint = 'add-to-path.ts: fish_add_path ~/.local/bin';
      const command = lab.commandOf(hint, await doctor(lab, { SHELL: '/usr/bin/fish' }));
      const { stdout, stderr } = await lab.run(`fish -c '${command}; docker-credential-iam-token'`);
      assert.equal(stdout, 'found\n', stderr);
    },
  },
  {
    title: 'doctor: unsafe variables are removed from the shell and from the daemon',
    hints: ['environment-check.ts: unset ${}', 'environment-check.ts: ${}; iam-token stop; iam-tokend &'],
    async run(lab) {
      const hint = 'environment-check.ts: unset ${}';
      const unsafe = { NODE_TLS_REJECT_UNAUTHORIZED: '0' };
      const command = lab.commandOf(hint, await doctor(lab, unsafe));
      const { stdout } = await lab.run(`${command}; iam-token doctor`, unsafe);
      assert.match(stdout, /^ok +environment/m);
      await lab.testEnv.startDaemon([], unsafe);
      lab.shellEnv['IAM_TOKEND_STORE'] = 'memory';
      const restart = lab.commandOf(
        'environment-check.ts: ${}; iam-token stop; iam-tokend &',
        await doctor(lab),
      );
      await lab.run(restart, unsafe);
      await lab.untilListening();
      assert.match(await doctor(lab), /^ok +environment/m);
      await lab.run('iam-token stop');
    },
  },
  {
    title: 'doctor: config.yaml is corrected',
    hints: ['local-checks.ts: correct ${}, then run: iam-token doctor'],
    async run(lab) {
      const path = lab.path('config/iam-tokend/config.yaml');
      writeFileSync(path, 'store: nowhere\nlog: { level: loud }\n');
      const printed = await doctor(lab);
      assert.doesNotMatch(printed, /\\u\{a\}/);
      writeFileSync(path, 'log: { level: debug }\n');
      const typed = await lab.type('local-checks.ts: correct ${}, then run: iam-token doctor', printed);
      assert.match(typed.stdout, /^ok +configuration/m);
    },
  },
  {
    title: 'doctor: a file in the place of the socket is removed',
    hints: ['local-checks.ts: rm ${}'],
    async run(lab) {
      mkdirSync(dirname(lab.testEnv.socketPath), { mode: 0o700 });
      writeFileSync(lab.testEnv.socketPath, '');
      assert.equal((await lab.type('local-checks.ts: rm ${}', await doctor(lab))).code, 0);
      await lab.testEnv.startDaemon();
      assert.match(await doctor(lab), /^ok +socket/m);
    },
  },
  {
    title: 'doctor: the name and the address of IAM are looked up',
    hints: [
      'network-checks.ts: ${} ${}',
      'network-checks.ts: getent hosts',
      'network-checks.ts: curl -v ${}',
    ],
    async run(lab) {
      const unknown = { IAM_TOKEND_IAM_ENDPOINT: 'https://iam.invalid' };
      const name = await lab.type('network-checks.ts: getent hosts', await doctor(lab, unknown));
      assert.equal(name.code, 2, 'the name is not found');
      const closed = { IAM_TOKEND_IAM_ENDPOINT: 'http://127.0.0.1:9' };
      const address = await lab.type('network-checks.ts: curl -v ${}', await doctor(lab, closed));
      assert.equal(address.code, 7, 'the connection is refused');
    },
  },
  {
    title: 'doctor: a profile is logged in and renewed after an outage, and a locked daemon is unlocked',
    hints: [
      'daemon-checks.ts: iam-token unlock',
      'profiles-check.ts: iam-token login',
      'profiles-check.ts: iam-token refresh ${}',
    ],
    async run(lab) {
      await lab.testEnv.startDaemon();
      lab.testEnv.emulator.attachServiceAccount('ajevm00000000000001');
      const none = await lab.typeInTerminal('profiles-check.ts: iam-token login', await doctor(lab), [
        { expect: ']: ', type: ['\r'] },
      ]);
      assert.equal(none.code, 0, none.screen);
      lab.testEnv.emulator.setFault({ kind: 'unavailable' });
      assert.equal((await lab.run('iam-token refresh')).code, 5);
      const failing = await doctor(lab);
      lab.testEnv.emulator.setFault(null);
      assert.equal((await lab.type('profiles-check.ts: iam-token refresh ${}', failing)).code, 0);
      assert.match(await doctor(lab), /^ok +profile default/m);
      await lab.run('iam-token lock');
      assert.equal((await lab.type('daemon-checks.ts: iam-token unlock', await doctor(lab))).code, 0);
      assert.match(await doctor(lab), /^ok +store/m);
    },
  },
  {
    title: 'doctor: the programs at the socket are listed',
    hints: ['daemon-checks.ts: lsof ${}'],
    isPossible: existsSync('/usr/bin/lsof'),
    async run(lab) {
      mkdirSync(dirname(lab.testEnv.socketPath), { mode: 0o700 });
      const program = await ScriptedDaemon.start(respondWith({ hello: {} }), lab.testEnv.socketPath);
      const shown = await lab.type('daemon-checks.ts: lsof ${}', await doctor(lab));
      await program.close();
      assert.match(shown.stdout, new RegExp(String(process.pid)));
    },
  },
  {
    title: 'the list of profiles, when there is none, leads to a login',
    hints: ['profiles.ts: iam-token login'],
    async run(lab) {
      await lab.testEnv.startDaemon();
      lab.testEnv.emulator.attachServiceAccount('ajevm00000000000001');
      const { stderr } = await lab.run('iam-token profiles');
      const typed = await lab.typeInTerminal('profiles.ts: iam-token login', stderr, [
        { expect: ']: ', type: ['\r'] },
      ]);
      assert.equal(typed.code, 0, typed.screen);
      assert.match(readFileSync(lab.path('config/iam-tokend/profiles.json'), 'utf8'), /"default"/);
    },
  },
];
