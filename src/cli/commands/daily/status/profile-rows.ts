import type { ProfileStatus } from '../../../../protocol/method-types.ts';
import { formatTimeSpan } from '../../../../shared/duration.ts';
import { defaultIamEndpoint } from '../../../../shared/endpoint.ts';
import { expiryMarginMs } from '../../../../token/token.ts';
import { escapeControlCharacters } from '../../../terminal/escape.ts';
import { formatLocalTime, type Style, type StyleText } from '../../../terminal/terminal.ts';
import { formatAccountName } from '../../../terminal/format-account-name.ts';
import { escapeOptional, problemRowsOf, type Row } from './status-rows.ts';

/** Kinds that always log in as a service account; the others may be a user's. */
const serviceAccountKinds: readonly string[] = ['service-account-key', 'metadata', 'workload-identity'];

export function formatAccount(status: ProfileStatus): string | null {
  const { kind, impersonateServiceAccountId } = status;
  const name = formatAccountName(status);
  if (name === null) return null;
  const isServiceAccount = serviceAccountKinds.includes(kind) || impersonateServiceAccountId !== undefined;
  return `${isServiceAccount ? 'service account' : 'account'} ${name}`;
}

export function profileRowsOf(status: ProfileStatus, nowMs: number, styleText: StyleText): readonly Row[] {
  const { problem, successesInHour, attemptsInHour, clockOffsetMs } = status;
  const failuresInHour = attemptsInHour - successesInHour;
  return [
    ['token', formatToken(status, nowMs, styleText)],
    ['renewal', styleText(stateStyles[status.state], formatRenewal(status, nowMs))],
    ...problemRowsOf(problem),
    ['last failure', formatLastFailure(status, nowMs)],
    [
      'this hour',
      failuresInHour === 0 ? null : `${failuresInHour} of ${formatCount(attemptsInHour, 'attempt')} failed`,
    ],
    ['credential', formatCredential(status, nowMs)],
    ['key rotation', formatKeyRotation(status, nowMs)],
    ...problemRowsOf(status.key?.problem ?? null, 'key problem'),
    ['impersonates', escapeOptional(status.impersonateServiceAccountId)],
    ['cloud', escapeOptional(status.cloudId)],
    ['folder', escapeOptional(status.folderId)],
    ['notice', escapeOptional(status.notice)],
    ['clock', clockOffsetMs === 0 ? null : formatClockOffset(clockOffsetMs)],
  ];
}

function formatToken({ expiresAt, timeLeftMs }: ProfileStatus, nowMs: number, styleText: StyleText): string {
  if (expiresAt === null || timeLeftMs === null) return styleText('error', 'none');
  if (timeLeftMs <= 0) return styleText('error', `expired at ${formatLocalTime(expiresAt, nowMs)}`);
  const timeLeft = formatTimeSpan(timeLeftMs);
  if (timeLeftMs <= expiryMarginMs) {
    return styleText('error', `expires in ${timeLeft}; no longer served`);
  }
  return styleText('success', `valid for ${timeLeft}, until ${formatLocalTime(expiresAt, nowMs)}`);
}

export const stateStyles: Readonly<Record<ProfileStatus['state'], Style>> = {
  loading: 'warning',
  ok: 'success',
  renewing: 'warning',
  failing: 'warning',
  login_required: 'error',
  keychain_locked: 'error',
  keychain_unavailable: 'error',
  locked: 'error',
};

/** Used if the problem does not state the reason. */
const pauseReasons = {
  keychain_locked: 'paused while the keychain is locked',
  keychain_unavailable: 'paused while the store is unavailable',
  locked: 'paused while the daemon is locked',
} as const;

function formatRenewal(
  { state, problem, trouble, nextRenewalAt, attemptsInHour }: ProfileStatus,
  nowMs: number,
): string {
  const next = nextRenewalAt === null ? null : formatUpcomingTime(nextRenewalAt, nowMs);
  switch (state) {
    case 'loading':
      return 'starts once the store is read';
    case 'ok':
      return next === null ? 'not scheduled' : `next ${next}`;
    case 'renewing':
      return trouble === null
        ? 'in progress'
        : `${formatFailures(trouble, nowMs)}; an attempt is in progress`;
    case 'failing': {
      const failures =
        trouble === null && attemptsInHour === 0 ? 'no renewals yet' : formatFailures(trouble, nowMs);
      return next === null ? failures : `${failures}; next attempt ${next}`;
    }
    case 'login_required':
      // A missing role is checked again at the schedule.
      return next === null ? 'stopped until the next login' : `stopped; next attempt ${next}`;
    case 'keychain_locked':
    case 'keychain_unavailable':
    case 'locked':
      return problem === null ? pauseReasons[state] : 'paused';
    default:
      return state satisfies never;
  }
}

function formatFailures(trouble: ProfileStatus['trouble'], nowMs: number): string {
  if (trouble === null) return 'failing';
  return `failing since ${formatLocalTime(trouble.since, nowMs)} (${formatCount(trouble.count, 'attempt')})`;
}

/** Omitted if the problem has the same message. */
function formatLastFailure({ trouble, problem }: ProfileStatus, nowMs: number): string | null {
  if (trouble === null || trouble.message === problem?.message) return null;
  const age = formatTimeSpan(nowMs - Date.parse(trouble.lastAt));
  return `${escapeControlCharacters(trouble.message)} (${age} ago)`;
}

const credentialNames: ReadonlyMap<string, string> = new Map(
  Object.entries({
    oauth: 'OAuth token',
    'service-account-key': 'authorized key',
    metadata: 'metadata service of this VM',
    'workload-identity': 'workload identity federation',
    yc: "yc's login",
  }),
);

function formatCredential({ kind, endpoint, key }: ProfileStatus, nowMs: number): string {
  const kindName = credentialNames.get(kind) ?? escapeControlCharacters(kind);
  const name = key === undefined ? kindName : `${kindName} ${formatKey(key, nowMs)}`;
  return endpoint === defaultIamEndpoint ? name : `${name}, for ${escapeControlCharacters(endpoint)}`;
}

function formatKey({ id, createdAt }: NonNullable<ProfileStatus['key']>, nowMs: number): string {
  const age = createdAt === undefined ? '' : `, ${formatTimeSpan(nowMs - Date.parse(createdAt))} old`;
  return escapeControlCharacters(id) + age;
}

function formatKeyRotation({ key }: ProfileStatus, nowMs: number): string | null {
  return key?.nextRotationAt === undefined ? null : `next ${formatUpcomingTime(key.nextRotationAt, nowMs)}`;
}

function formatClockOffset(offsetMs: number): string {
  const offset = formatTimeSpan(Math.abs(offsetMs));
  return `${offset} ${offsetMs > 0 ? 'behind' : 'ahead of'} Yandex Cloud`;
}

function formatUpcomingTime(iso: string, nowMs: number): string {
  const remainingMs = Date.parse(iso) - nowMs;
  return remainingMs < 1_000 ? 'now' : `in ${formatTimeSpan(remainingMs)}`;
}

function formatCount(count: number, unit: string): string {
  return `${count} ${unit}${count === 1 ? '' : 's'}`;
}
