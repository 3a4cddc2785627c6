import type { DaemonStatus, ProfileStatus, TokenAnswer } from '../../src/protocol/messages.ts';

/** Of the profile `work`. */
export function tokenOf(lifetimeMs: number): TokenAnswer {
  return {
    token: 't1.9eu-token.signature',
    expiresAt: new Date(Date.now() + lifetimeMs).toISOString(),
    profile: 'work',
    subject: 'aje0ada',
  };
}

/** What `status` answers of one profile, `work`, which is the default one. */
export function daemonOf(
  profile: Partial<ProfileStatus>,
  more: Partial<DaemonStatus> = {},
): { readonly status: object } {
  const whole = {
    profile: 'work',
    isDefault: true,
    kind: 'oauth',
    endpoint: 'https://iam.example.net',
    state: 'ok',
    subject: null,
    expiresAt: null,
    timeLeftMs: null,
    nextRenewalAt: null,
    problem: null,
    trouble: null,
    successesInHour: 0,
    attemptsInHour: 0,
    clockOffsetMs: 0,
    ...profile,
  };
  const daemon = {
    version: '0.1.0',
    pid: 1,
    startedAt: '2026-11-24T10:00:00.000Z',
    store: { kind: 'memory', state: 'open', problem: null },
    ...more,
  };
  return { status: { daemon, profiles: [whole], next: null } };
}

export function aMinuteBefore(moment: string): string {
  return new Date(Date.parse(moment) - 60_000).toISOString();
}
