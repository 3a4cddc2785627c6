import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ProfileStatus } from '../../../src/protocol/method-types.ts';
import { formatKeyFile, getTestKey } from '../../support/iam/test-keys.ts';
import { describeFaults, type DoctorFixture, type FaultCase, useDoctorFixture } from './doctor-fixture.ts';

const { id } = getTestKey();
const daysAgo = (days: number): string => new Date(Date.now() - days * 86_400_000).toISOString();

function setKey(fixture: DoctorFixture, key: NonNullable<ProfileStatus['key']>): void {
  fixture.profiles = fixture.profiles.map((each) => ({ ...each, kind: 'service-account-key', key }));
}

const faultCases: readonly FaultCase[] = [
  [
    'a key that is older than a year',
    'key of work',
    0,
    new RegExp(`^${id} is 400 d( \\d+ \\w+)? old$`),
    (fixture) => setKey(fixture, { id, createdAt: daysAgo(400) }),
  ],
  [
    'a key file that is still valid',
    'key of work',
    0,
    /Downloads\/key\.json is still valid$/,
    (fixture) => {
      setKey(fixture, { id, createdAt: daysAgo(1) });
      mkdirSync(join(fixture.folder, 'Downloads'));
      writeFileSync(join(fixture.folder, 'Downloads', 'key.json'), formatKeyFile());
    },
  ],
  [
    'a replaced key that was not deleted',
    'key of work',
    0,
    /^a replaced key is still valid/,
    (fixture) =>
      setKey(fixture, {
        id,
        problem: {
          code: 'login_required',
          message: 'a replaced key is still valid: no role',
          hint: 'yc iam',
        },
      }),
  ],
];

describeFaults('doctor, for authorized keys', faultCases);

describe('18.5: the check of authorized keys', () => {
  const { fixture, runChecks } = useDoctorFixture();

  async function findKeys(): Promise<readonly string[]> {
    const { findings } = await runChecks();
    return findings
      .filter(({ check }) => /^key(?:s| of )/.test(check))
      .map(({ check, mark, reason, command }) => [check, mark, reason, command ?? '-'].join(' | '));
  }
  function writeDownload(name: string, keyId: string): string {
    const folder = join(fixture().folder, 'Downloads');
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, name), formatKeyFile({ ...getTestKey(), id: keyId }));
    return join(folder, name);
  }

  it('passes without a key, with a new key, and with a file whose key no profile has', async () => {
    assert.deepEqual(await findKeys(), ['keys | ok | no authorized keys | -']);
    setKey(fixture(), { id, createdAt: daysAgo(364) });
    writeDownload('key.json', 'ajekother');
    const none = 'keys | ok | none is older than a year, and no key file has one | -';
    assert.deepEqual(await findKeys(), [none]);
  });

  it('warns of each key of each profile, with the command that replaces it', async () => {
    const [work] = fixture().profiles;
    assert.ok(work !== undefined);
    const kind = 'service-account-key';
    const path = writeDownload('authorized_key.json', id);
    fixture().profiles = [
      { ...work, kind, key: { id: 'ajekold', createdAt: daysAgo(366) } },
      { ...work, profile: 'my home', isDefault: false, kind, key: { id } },
      {
        ...work,
        profile: 'ci',
        isDefault: false,
        kind,
        key: { id: 'ajekci', problem: { code: 'unavailable', message: 'IAM is down' } },
      },
    ];
    assert.deepEqual(await findKeys(), [
      'key of work | warning | ajekold is 366 d old | iam-token rotate-key',
      `key of my home | warning | ${path} is still valid | iam-token rotate-key --profile='my home'`,
      'key of ci | warning | IAM is down | -',
    ]);
  });
});
