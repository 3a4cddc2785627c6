import type { DaemonStatus, ProfileStatus } from '../../../../src/protocol/method-types.ts';
import { version } from '../../../../src/shared/version.ts';

export const daemonStatus: DaemonStatus = {
  version,
  pid: 4242,
  startedAt: '2026-11-24T08:00:00.000Z',
  store: { kind: 'keychain', state: 'open', problem: null },
};

export const workProfile: ProfileStatus = {
  profile: 'work',
  isDefault: true,
  kind: 'oauth',
  endpoint: 'https://iam.api.cloud.yandex.net',
  state: 'ok',
  subject: 'aje0ada',
  expiresAt: '2026-11-24T22:04:05.000Z',
  timeLeftMs: 43_445_000,
  nextRenewalAt: '2026-11-24T10:42:00.000Z',
  problem: null,
  trouble: null,
  successesInHour: 1,
  attemptsInHour: 1,
  clockOffsetMs: 0,
};

export const failingProfile: ProfileStatus = {
  ...workProfile,
  profile: 'home',
  isDefault: false,
  state: 'failing',
  subject: null,
  timeLeftMs: 0,
  nextRenewalAt: '2026-11-24T09:59:59.000Z',
  problem: { code: 'unavailable', message: 'IAM does not answer', hint: 'iam-token refresh' },
  trouble: {
    message: 'IAM does not answer',
    since: '2026-11-24T09:30:00.000Z',
    lastAt: '2026-11-24T09:59:20.000Z',
    count: 12,
  },
  successesInHour: 0,
  attemptsInHour: 13,
  clockOffsetMs: -180_000,
};
