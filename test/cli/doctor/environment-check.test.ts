import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describeFaults, type Finding, useDoctorFixture } from './doctor-fixture.ts';

describeFaults('A1: doctor, in the environment', [
  [
    'a variable of this shell that turns off the verification of certificates',
    'environment',
    0,
    /^in this shell: NODE_TLS_REJECT_UNAUTHORIZED, which can turn off the verification of certificates$/,
    ({ env }) => void (env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0'),
  ],
  [
    'an option of Node that writes keys to a file',
    'environment',
    0,
    /^in this shell: NODE_OPTIONS, which can change any setting of Node$/,
    (fixture) => void (fixture.env['NODE_OPTIONS'] = `--tls-keylog=${join(fixture.folder, 'keys')}`),
  ],
  [
    'a configuration of OpenSSL',
    'environment',
    0,
    /^in this shell: OPENSSL_CONF, which can weaken TLS or load code into OpenSSL$/,
    ({ env }) => void (env['OPENSSL_CONF'] = '/dev/null'),
  ],
  [
    'variables of the daemon',
    'environment',
    0,
    /^the daemon was started with SSL_CERT_FILE, which .*; LD_LIBRARY_PATH, which can replace libraries$/,
    (fixture) =>
      void (fixture.daemon = {
        ...fixture.daemon,
        unsafeEnvironment: ['LD_LIBRARY_PATH', 'SSL_CERT_FILE', 'OF_A_NEWER_RELEASE'],
      }),
  ],
]);

describe('doctor, in the environment', () => {
  const { fixture, runChecks } = useDoctorFixture();
  const findEnvironment = async (): Promise<readonly Finding[]> =>
    (await runChecks()).findings.filter(({ check }) => check === 'environment');

  it('A1: does not warn about what shells usually set for other programs', async () => {
    fixture().env['SSL_CERT_FILE'] = '/etc/ssl/certs/ca-certificates.crt';
    fixture().env['LD_LIBRARY_PATH'] = '/usr/local/cuda/lib64';
    fixture().env['NODE_OPTIONS'] = '--max-old-space-size=4096 --no-warnings';
    assert.deepEqual(
      (await findEnvironment()).map(({ mark }) => mark),
      ['ok'],
    );
  });

  it('A1: hints at a command for this shell, and for a daemon that was started by hand', async () => {
    fixture().env['SSLKEYLOGFILE'] = '/tmp/keys';
    fixture().env['NODE_USE_SYSTEM_CA'] = '1';
    fixture().daemon = { ...fixture().daemon, unsafeEnvironment: ['OPENSSL_CONF'] };
    assert.deepEqual(
      (await findEnvironment()).map(({ command }) => command),
      ['unset NODE_USE_SYSTEM_CA SSLKEYLOGFILE', 'unset OPENSSL_CONF; iam-token stop; iam-tokend &'],
    );
  });

  it('A1: names the variables of the systemd user manager', async () => {
    const { folder, env } = fixture();
    const systemctl = join(folder, 'bin/systemctl');
    mkdirSync(join(folder, 'bin'));
    mkdirSync(join(folder, 'run/systemd'));
    writeFileSync(
      systemctl,
      `#!/bin/sh\n[ "$*" = '--user show-environment' ] && echo 'LANG=C\nNODE_TLS_REJECT_UNAUTHORIZED=0\nRES_OPTIONS='\n`,
    );
    chmodSync(systemctl, 0o755);
    env['PATH'] = `${join(folder, 'bin')}:${process.env['PATH']}`;
    const [finding] = await findEnvironment();
    assert.match(
      finding?.reason ?? '',
      /^systemd sets for every service: NODE_TLS_REJECT_UNAUTHORIZED, which/,
    );
    assert.equal(finding?.command, 'systemctl --user unset-environment NODE_TLS_REJECT_UNAUTHORIZED');
  });
});
