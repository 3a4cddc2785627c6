import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ProfileStatus } from '../../../src/protocol/method-types.ts';
import { formatKeyFile, getTestKey } from '../../support/iam/test-keys.ts';
import { describeFaults, type DoctorFixture, type FaultCase } from './doctor-fixture.ts';

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
