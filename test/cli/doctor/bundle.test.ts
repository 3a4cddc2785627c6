import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { canaries } from '../../support/canaries.ts';
import { tlsCertificate } from '../../support/network/tls-certificate.ts';
import { type Finding, useDoctorFixture, writeConfig } from './doctor-fixture.ts';

describe('doctor --bundle', () => {
  const { fixture, run } = useDoctorFixture();
  const bundlePath = (): string => join(fixture().folder, 'bundle.json');

  it('writes a private file with the end of the log, and never overwrites a file', async () => {
    const log = join(fixture().env['XDG_STATE_HOME'] ?? '', 'iam-tokend/log');
    mkdirSync(log, { recursive: true });
    writeFileSync(join(log, 'iam-tokend.log'), `${'old\n'.repeat(500)}the last line\n`);
    const first = await run('--bundle', bundlePath());
    assert.deepEqual(
      { stderr: first.stderr, code: 0 },
      { stderr: `iam-token: wrote ${bundlePath()}\n`, code: first.code },
    );
    assert.equal(statSync(bundlePath()).mode & 0o777, 0o600);
    const bundle = JSON.parse(readFileSync(bundlePath(), 'utf8')) as { log: string[]; checks: Finding[] };
    assert.deepEqual([bundle.log.length, bundle.log.at(-1)], [200, 'the last line']);
    assert.equal(bundle.checks.length, 20);
    const secondRun = await run('--bundle', bundlePath());
    assert.equal(secondRun.code, 2);
    assert.match(secondRun.stderr, /error: cannot write the bundle .*: it already exists\n.*hint: mv /);
  });

  it('C8, C10: says in a sentence why it cannot write the file, with a command', async () => {
    const file = join(fixture().folder, 'file');
    writeFileSync(file, '');
    for (const [path, reason, command] of [
      [file, 'it already exists', `mv '${file}' '${file}.old'`],
      [
        fixture().folder,
        'it is a folder',
        `iam-token doctor --bundle ${fixture().folder}/iam-token-doctor.json`,
      ],
      [join(file, 'bundle'), 'a part of the path is not a folder', `ls -ld '${file}'`],
      [
        join(fixture().folder, 'none', 'bundle'),
        'its folder does not exist',
        `mkdir -p -m 700 '${fixture().folder}/none'`,
      ],
      [join(fixture().folder, 'n'.repeat(300)), 'name too long', `ls -ld '${fixture().folder}'`],
    ] as const) {
      const { stderr, code } = await run('--bundle', path);
      const expected = `iam-token: error: cannot write the bundle ${path}: ${reason}\niam-token: hint: ${command}\n`;
      assert.deepEqual([stderr, code], [expected, 2]);
    }
  });

  for (const proxy of [
    'http://me:cAnArY@cAnArY@127.0.0.1:9',
    'http://me:cAnArY%40cAnArY@127.0.0.1:9',
    'http://me:cAnArY#cAnArY@127.0.0.1:9',
    'me:cAnArY@127.0.0.1:9',
    'http://cAnArY-token@127.0.0.1:9',
  ]) {
    for (const where of ['the environment', 'config.yaml'] as const) {
      it(`D7: redacts the proxy ${proxy} in ${where}, in any spelling`, async () => {
        const log = join(fixture().env['XDG_STATE_HOME'] ?? '', 'iam-tokend/log');
        mkdirSync(log, { recursive: true });
        const userInfo = proxy.slice(proxy.indexOf('/') + 1, proxy.lastIndexOf('@')).replace(/^\//, '');
        const header = Buffer.from(
          `${decodeURIComponent(userInfo)}${userInfo.includes(':') ? '' : ':'}`,
        ).toString('base64');
        const line = `${proxy} and ${proxy},${proxy} "${decodeURIComponent(userInfo)}" Basic ${header}`;
        writeFileSync(join(log, 'iam-tokend.log'), `${line}\n`);
        if (where === 'config.yaml') writeConfig(fixture(), `network: { proxy: "${proxy}" }\n`);
        else fixture().env['HTTPS_PROXY'] = proxy;
        const { stdout } = await run('--bundle', bundlePath());
        const text = readFileSync(bundlePath(), 'utf8') + stdout;
        assert.doesNotMatch(text, /cAnArY/);
        if (where === 'the environment') assert.ok(!text.includes(header), text);
      });
    }
  }

  it('D7: redacts invalid values of the configuration, in the log too', async () => {
    writeConfig(fixture(), 'log: { level: cAnArY passphrase }\nrefresh: { schedule: cAnArY }\n');
    const { stdout } = await run();
    assert.match(stdout, /failed +configuration .*cAnArY/, 'shown to the user');
    const log = join(fixture().env['XDG_STATE_HOME'] ?? '', 'iam-tokend/log');
    mkdirSync(log, { recursive: true });
    writeFileSync(join(log, 'iam-tokend.log'), `iam-tokend: error: ${stdout}`);
    await run('--bundle', bundlePath());
    assert.doesNotMatch(readFileSync(bundlePath(), 'utf8'), /cAnArY/);
  });

  it('D7: redacts an invalid value of the environment', async () => {
    fixture().env['IAM_TOKEND_LOG_LEVEL'] = 'cAnArY';
    fixture().env['HTTPS_PROXY'] = 'ftp cAnArY:x';
    const { stdout } = await run('--bundle', bundlePath());
    assert.match(stdout, /cAnArY/, 'shown to the user');
    assert.doesNotMatch(readFileSync(bundlePath(), 'utf8'), /cAnArY/);
  });

  it('redacts all secrets', async () => {
    const allSecrets = canaries.map(({ secret }) => secret).join(' ');
    const log = join(fixture().env['XDG_STATE_HOME'] ?? '', 'iam-tokend/log');
    mkdirSync(log, { recursive: true });
    writeFileSync(join(log, 'iam-tokend.log'), canaries.map(({ secret }) => `a line ${secret}\n`).join(''));
    fixture().emulator.setFault({ kind: 'status', code: 14, message: allSecrets });
    const password = 'cAnArY-of-a-proxy';
    fixture().env['HTTPS_PROXY'] = `http://me:${password}@127.0.0.1:9`;
    fixture().env['IAM_TOKEN'] = allSecrets;
    const caFile = join(fixture().folder, 'ca.pem');
    writeFileSync(caFile, `friendlyName: cAnArY-of-a-bag\n${tlsCertificate}`);
    writeConfig(
      fixture(),
      `# ${allSecrets.replaceAll('\n', ' ')}\nnetwork: { proxy: "http://me:${password}@127.0.0.1:9", caFile: ${caFile} }\n`,
    );
    const problem = { code: 'unavailable', message: allSecrets, hint: allSecrets } as const;
    fixture().profiles = fixture().profiles.map((each) => ({ ...each, state: 'failing', problem }));
    fixture().daemon = { ...fixture().daemon, store: { kind: 'keychain', state: 'closed', problem } };
    await run('--bundle', bundlePath());
    const text = readFileSync(bundlePath(), 'utf8');
    assert.match(text, /a line \[redacted\]/);
    assert.match(text, /"IAM_TOKEN"/);
    assert.doesNotMatch(text, /cAnArY/);
  });
});
