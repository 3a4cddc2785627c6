import type { DaemonStatus, ProfileStatus, TokenResult } from '../../../src/protocol/method-types.ts';
import { failWith } from './scripted-daemon.ts';
import { version } from '../../../src/shared/version.ts';

/** A daemon without a credential, and what the client prints then. */
export const loginRequired = failWith({
  code: 'login_required',
  message: 'not logged in',
  hint: 'iam-token login',
});
export const loginRequiredOutput = 'iam-token: error: not logged in\niam-token: hint: iam-token login\n';

/** A result for the profile `work`. */
export function createTokenResult(lifetimeMs: number): TokenResult {
  return {
    token: 't1.9eu-token.signature',
    expiresAt: new Date(Date.now() + lifetimeMs).toISOString(),
    profile: 'work',
    subject: 'aje0ada',
  };
}

/** The result of `status` for one profile, `work`, which is the default profile. */
export function createStatusResult(
  profile: Partial<ProfileStatus>,
  daemonOverrides: Partial<DaemonStatus> = {},
): { readonly status: object } {
  const completeProfile = {
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
    version,
    pid: 1,
    startedAt: '2026-11-24T10:00:00.000Z',
    store: { kind: 'memory', state: 'open', problem: null },
    ...daemonOverrides,
  };
  return { status: { daemon, profiles: [completeProfile], next: null } };
}

/** In whole seconds, as the credential protocols of other programs require. */
export function subtractMinute(isoTime: string): string {
  return `${new Date(Date.parse(isoTime) - 60_000).toISOString().slice(0, 19)}Z`;
}
