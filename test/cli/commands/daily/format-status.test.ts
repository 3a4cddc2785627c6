import assert from 'node:assert/strict';
import { formatStatus } from '../../../../src/cli/commands/daily/status/format-status.ts';
import type { ProfileStatus } from '../../../../src/protocol/method-types.ts';
import { profileStates } from '../../../../src/protocol/profile-states.ts';
import { daemonStatus, failingProfile, workProfile } from './status-fixtures.ts';
import { version } from '../../../../src/shared/version.ts';

const rejected: ProfileStatus = {
  ...workProfile,
  profile: 'e\x1bvil',
  isDefault: false,
  state: 'login_required',
  expiresAt: null,
  timeLeftMs: null,
  nextRenewalAt: null,
  problem: { code: 'login_required', message: 'the token\nwas revoked' },
  trouble: {
    message: 'another reason',
    since: '2026-11-24T09:59:20.000Z',
    lastAt: '2026-11-24T09:59:20.000Z',
    count: 1,
  },
  attemptsInHour: 0,
  successesInHour: 0,
  clockOffsetMs: 90_000,
};

const nowMs = Date.parse('2026-11-24T10:00:00.000Z');
const unstyled = (_: unknown, text: string): string => text;

describe('the output of status', () => {
  const zone = process.env['TZ'];
  before(() => {
    process.env['TZ'] = 'UTC';
  });
  after(() => {
    if (zone === undefined) delete process.env['TZ'];
    else process.env['TZ'] = zone;
  });

  it('is the table of several profiles, a block for each, and one for the daemon', () => {
    const lines = formatStatus(
      { daemon: daemonStatus, profiles: [workProfile, failingProfile, rejected] },
      nowMs,
      unstyled,
    );
    assert.equal(
      lines.join('\n'),
      `  PROFILE     ACCOUNT  KIND   STATE           LEFT     RENEWAL
* work        aje0ada  oauth  ok              12h4m    in 42m
  home        -        oauth  failing         expired  now
  e\\u{1b}vil  aje0ada  oauth  login required  -        -

work (default)   account aje0ada
  token         valid for 12 h 4 min, until 22:04
  renewal       next in 42 min
  credential    OAuth token

home
  token         expired at 22:04
  renewal       failing since 09:30 (12 attempts); next attempt now
  problem       IAM does not answer
  hint          iam-token refresh
  this hour     13 of 13 attempts failed
  credential    OAuth token
  clock         3 min ahead of Yandex Cloud

e\\u{1b}vil   account aje0ada
  token         none
  renewal       stopped until the next login
  problem       the token\\u{a}was revoked
  last failure  another reason (40 s ago)
  credential    OAuth token
  clock         1 min 30 s behind Yandex Cloud

daemon   version ${version}, running for 2 h (process 4242)
  service       none, started by hand
  store         keychain, open`,
    );
  });

  it('18.3: names the account, also without a token, and without control characters', () => {
    const titleOf = (overrides: Partial<ProfileStatus>): string | undefined =>
      formatStatus(
        { daemon: daemonStatus, profiles: [{ ...workProfile, ...overrides }] },
        nowMs,
        unstyled,
      )[0];
    const kind = 'service-account-key';
    assert.equal(titleOf({ displayName: 'ada' }), 'work (default)   account ada (aje0ada)');
    assert.equal(titleOf({ kind, displayName: 'bot' }), 'work (default)   service account bot (aje0ada)');
    assert.equal(titleOf({ displayName: 'ada', subject: null }), 'work (default)   account ada');
    assert.equal(
      titleOf({ displayName: 'a\x1b\u202e' }),
      'work (default)   account a\\u{1b}\\u{202e} (aje0ada)',
    );
  });

  it('marks a token in its last minute as not served', () => {
    const lines = formatStatus(
      { daemon: daemonStatus, profiles: [{ ...workProfile, timeLeftMs: 52_000 }] },
      nowMs,
      unstyled,
    );
    assert.ok(lines.includes('  token         expires in 52 s; no longer served'));
  });

  it('shows the impersonated account, cloud, folder and notice of a profile', () => {
    const scopedProfile: ProfileStatus = {
      ...workProfile,
      kind: 'service-account-key',
      impersonateServiceAccountId: 'ajesa',
      cloudId: 'b1gcloud',
      folderId: 'b1g\x1bfolder',
      notice: 'it ends with the year',
    };
    const lines = formatStatus({ daemon: daemonStatus, profiles: [scopedProfile] }, nowMs, unstyled);
    assert.deepEqual(lines.slice(0, 1), ['work (default)   service account aje0ada']);
    assert.deepEqual(lines.slice(3, 9), [
      '  credential    authorized key',
      '  impersonates  ajesa',
      '  cloud         b1gcloud',
      '  folder        b1g\\u{1b}folder',
      '  notice        it ends with the year',
      '',
    ]);
  });

  describe('18.5: for an authorized key', () => {
    const rowsOf = (key: NonNullable<ProfileStatus['key']>, others: Partial<ProfileStatus> = {}) =>
      formatStatus(
        {
          daemon: daemonStatus,
          profiles: [{ ...workProfile, kind: 'service-account-key', key, ...others }],
        },
        nowMs,
        unstyled,
      ).filter((line) => /^ {2}(?:credential|key|hint|problem)/.test(line));
    const id = 'ajekey';
    const createdAt = '2026-11-12T10:00:00.000Z';

    it('shows its id and age, and when it is replaced', () => {
      assert.deepEqual(rowsOf({ id, createdAt, nextRotationAt: '2027-02-10T14:00:00.000Z' }), [
        '  credential    authorized key ajekey, 12 d old',
        '  key rotation  next in 78 d 4 h',
      ]);
    });

    it('shows that it is due, and nothing that is unknown', () => {
      const nextRotationAt = '2026-11-24T09:00:00.000Z';
      assert.deepEqual(rowsOf({ id, createdAt, nextRotationAt }).slice(1), ['  key rotation  next now']);
      assert.deepEqual(rowsOf({ id }), ['  credential    authorized key ajekey']);
    });

    it('shows why it was not replaced, with the hint, beside a problem of the profile', () => {
      const problem = { code: 'login_required', message: 'no role', hint: 'yc iam grant' } as const;
      assert.deepEqual(rowsOf({ id, problem }), [
        '  credential    authorized key ajekey',
        '  key problem   no role',
        '  hint          yc iam grant',
      ]);
      const unavailable = { code: 'unavailable', message: 'IAM is down' } as const;
      assert.deepEqual(rowsOf({ id, problem }, { problem: unavailable }).slice(0, 2), [
        '  problem       IAM is down',
        '  credential    authorized key ajekey',
      ]);
    });

    it('names the installation, and prints no control characters', () => {
      const endpoint = 'https://iam.kz.test';
      const message = 'a\x1b[2J';
      assert.deepEqual(
        rowsOf({ id: 'aj\x1bek', createdAt, problem: { code: 'internal', message } }, { endpoint }),
        [
          '  credential    authorized key aj\\u{1b}ek, 12 d old, for https://iam.kz.test',
          '  key problem   a\\u{1b}[2J',
        ],
      );
    });
  });

  it('prints each line of a hint on its own line', () => {
    const problem = {
      code: 'login_required',
      message: 'OAuth has ended',
      hint: 'a page\na command',
    } as const;
    const lines = formatStatus(
      { daemon: daemonStatus, profiles: [{ ...workProfile, problem }] },
      nowMs,
      unstyled,
    );
    assert.deepEqual(lines.slice(3, 6), [
      '  problem       OAuth has ended',
      '  hint          a page',
      '                a command',
    ]);
  });

  it('shows a locked daemon, and no row otherwise', () => {
    const daemonLines = (locked: boolean): readonly string[] =>
      formatStatus({ daemon: { ...daemonStatus, locked }, profiles: [workProfile] }, nowMs, unstyled).slice(
        -3,
      );
    assert.deepEqual(daemonLines(true)[0], '  locked        yes; to unlock: iam-token unlock');
    assert.match(daemonLines(false)[0] ?? '', /^daemon /);
  });

  it('shows why a locked daemon does not renew, and the command', () => {
    const problem = { code: 'locked', message: 'the daemon is locked', hint: 'iam-token unlock' } as const;
    const locked: ProfileStatus = { ...workProfile, state: 'locked', problem, trouble: null };
    const lines = formatStatus({ daemon: daemonStatus, profiles: [locked] }, nowMs, unstyled);
    assert.deepEqual(
      lines.filter((line) => /paused|problem|hint/.test(line)),
      ['  renewal       paused', '  problem       the daemon is locked', '  hint          iam-token unlock'],
    );
  });

  it('shows the problem of the store', () => {
    const problem = {
      code: 'keychain_locked',
      message: 'the keychain is locked',
      hint: 'unlock it',
    } as const;
    const store = { kind: 'keychain', state: 'closed', problem } as const;
    const lines = formatStatus({ daemon: { ...daemonStatus, store }, profiles: [] }, nowMs, unstyled);
    assert.deepEqual(lines, [
      'no profiles yet; to log in: iam-token login',
      '',
      `daemon   version ${version}, running for 2 h (process 4242)`,
      '  service       none, started by hand',
      '  store         keychain, closed',
      '  problem       the keychain is locked',
      '  hint          unlock it',
    ]);
  });

  it('describes the renewal in every state', () => {
    const labels = profileStates.map(
      (state) =>
        formatStatus({ daemon: daemonStatus, profiles: [{ ...workProfile, state }] }, nowMs, (style, text) =>
          style === 'bold' ? text : `<${style}>${text}`,
        )[2],
    );
    assert.deepEqual(labels, [
      '  renewal       <warning>starts once the store is read',
      '  renewal       <success>next in 42 min',
      '  renewal       <warning>in progress',
      '  renewal       <warning>failing; next attempt in 42 min',
      '  renewal       <error>stopped; next attempt in 42 min',
      '  renewal       <error>paused while the keychain is locked',
      '  renewal       <error>paused while the store is unavailable',
      '  renewal       <error>paused while the daemon is locked',
    ]);
  });

  it('wraps long texts at the width of the terminal, but not hints', () => {
    const problem = {
      code: 'unavailable',
      message: 'word '.repeat(12).trim(),
      hint: 'iam-token '.repeat(9),
    } as const;
    const profiles = [{ ...workProfile, problem }];
    const lines = formatStatus({ daemon: daemonStatus, profiles }, nowMs, unstyled, 60);
    assert.deepEqual(lines.slice(3, 6), [
      `  problem       ${'word '.repeat(8)}word`,
      '                word word word',
      `  hint          ${problem.hint}`,
    ]);
  });

  it('does not count renewals where none was attempted', () => {
    const profiles: readonly ProfileStatus[] = [{ ...failingProfile, trouble: null, attemptsInHour: 0 }];
    const lines = formatStatus({ daemon: daemonStatus, profiles }, nowMs, unstyled);
    assert.equal(lines[2], '  renewal       no renewals yet; next attempt now');
    assert.ok(!lines.some((line) => line.includes('this hour')));
  });

  it('names an endpoint other than that of Yandex Cloud, and a credential that it does not know', () => {
    const profiles = [{ ...workProfile, kind: 'dpop', endpoint: 'https://iam.api.yandexcloud.kz' }];
    const lines = formatStatus({ daemon: daemonStatus, profiles }, nowMs, unstyled);
    assert.equal(lines[3], '  credential    dpop, for https://iam.api.yandexcloud.kz');
  });
});
