import assert from 'node:assert/strict';
import { formatProfileTable } from '../../../../src/cli/commands/daily/status/profile-table.ts';
import { displayWidth } from '../../../../src/cli/terminal/display-width.ts';
import type { ProfileStatus } from '../../../../src/protocol/method-types.ts';
import { failingProfile, workProfile } from './status-fixtures.ts';

const nowMs = Date.parse('2026-11-24T10:00:00.000Z');
const unstyled = (_: unknown, text: string): string => text;
const format = (profiles: readonly ProfileStatus[], columns: number): readonly string[] =>
  formatProfileTable(profiles, nowMs, unstyled, columns);

const robot: ProfileStatus = {
  ...workProfile,
  profile: 'ci',
  isDefault: false,
  kind: 'service-account-key',
  subject: 'ajeg2b2et02f00000001',
  displayName: 'my-robot',
};

/** Every state, kind and length that a row can have. */
const worstProfiles: readonly ProfileStatus[] = [
  { ...robot, profile: 'p'.repeat(64), displayName: 'd'.repeat(64), state: 'login_required' },
  {
    ...robot,
    profile: '東'.repeat(64),
    displayName: '🤖'.repeat(63),
    kind: 'workload-identity',
    state: 'locked',
  },
  { ...robot, profile: 'e\u202evil', kind: 'metadata', nextRenewalAt: '2026-12-24T10:00:00.000Z' },
  {
    ...robot,
    kind: 'yc',
    timeLeftMs: null,
    subject: null,
    state: 'keychain_unavailable',
    nextRenewalAt: null,
  },
  { ...failingProfile, kind: 'k'.repeat(40), state: 'keychain_locked' },
  { ...workProfile, profile: 'e\u0301'.repeat(32), timeLeftMs: 52_000, state: 'renewing' },
];

describe('18.4: the table of profiles', () => {
  it('has a line for each: name, default mark, account, kind, state, time left, next renewal', () => {
    const loginRequired: ProfileStatus = {
      ...robot,
      profile: 'old',
      kind: 'workload-identity',
      state: 'login_required',
      timeLeftMs: null,
      nextRenewalAt: null,
      subject: null,
    };
    const unnamed: ProfileStatus = { ...robot, profile: 'vm', kind: 'metadata', state: 'renewing' };
    const { displayName: _, ...vm } = unnamed;
    assert.equal(
      format([robot, failingProfile, loginRequired, vm, workProfile], 80).join('\n'),
      `  PROFILE  ACCOUNT               KIND      STATE           LEFT     RENEWAL
  ci       my-robot              key       ok              12h4m    in 42m
  home     -                     oauth     failing         expired  now
  old      my-robot              workload  login required  -        -
  vm       ajeg2b2et02f00000001  metadata  renewing        12h4m    now
* work     aje0ada               oauth     ok              12h4m    in 42m`,
    );
  });

  for (const columns of [60, 80, 120]) {
    it(`fits ${columns} columns, whatever the profiles are`, () => {
      const lines = format(worstProfiles, columns);
      assert.equal(lines.length, worstProfiles.length + 1);
      for (const line of lines) assert.ok(displayWidth(line) <= columns, `${displayWidth(line)}: ${line}`);
    });
  }

  it('cuts nothing outside of a terminal', () => {
    const [, first = ''] = format(worstProfiles, Infinity);
    assert.ok(first.includes('p'.repeat(64)) && first.includes('d'.repeat(64)));
  });

  it('cuts the longest name first, and keeps times and states whole while they fit', () => {
    const long = {
      ...robot,
      profile: 'production-administrator',
      displayName: 'terraform-deployer-of-production',
    };
    const [, line] = format([long], 60);
    assert.equal(line, '  production-ad…  terraform-de…  key   ok     12h4m  in 42m');
  });

  it('aligns its columns by what characters take on a terminal', () => {
    const [header = '', wide = '', combined = ''] = format(
      [
        { ...robot, profile: '東京', displayName: 'ｆｕｌｌ' },
        { ...robot, profile: 'cafe\u0301', displayName: '🤖' },
      ],
      80,
    );
    const startOfKind = (line: string): number => displayWidth(line.slice(0, line.indexOf('key')));
    assert.deepEqual(
      [startOfKind(wide), startOfKind(combined)],
      [header.indexOf('KIND'), header.indexOf('KIND')],
    );
  });

  it('shows no control character and no direction mark of a name', () => {
    const evil = { ...robot, profile: 'a\u202eb', displayName: 'x\x1b[2J\u2066y' };
    assert.match(format([evil], 120)[1] ?? '', /^ {2}a\\u\{202e\}b {2}x\\u\{1b\}\[2J\\u\{2066\}y {2}key /);
  });
});
