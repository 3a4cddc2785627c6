import type { DaemonStatus, ProfileStatus } from '../protocol/messages.ts';
import { span } from '../shared/duration.ts';
import type { Problem } from '../shared/errors.ts';
import { expiryMarginMs } from '../token/iam-token.ts';
import type { WholeStatus } from './pages.ts';
import { localTime, type Paint, type Style } from './terminal.ts';
import { visible } from './visible.ts';

/** Left out where there is nothing to say. */
type Row = readonly [label: string, text: string | null];

const labelWidth = 13;

/** `status` for a person: a block for each profile, then one for the daemon. */
export function statusLines(
  { daemon, profiles }: WholeStatus,
  nowMs: number,
  paint: Paint,
): readonly string[] {
  const blocks = profiles.map((profile) => [
    paint('strong', visible(profile.profile)) + (profile.isDefault ? ' (default)' : ''),
    ...rows(profileRows(profile, nowMs, paint)),
    '',
  ]);
  const none = profiles.length === 0 ? ['no profiles yet: iam-token login', ''] : [];
  return [...blocks.flat(), ...none, paint('strong', 'daemon'), ...rows(daemonRows(daemon, nowMs, paint))];
}

const stateWords: Readonly<Record<ProfileStatus['state'], readonly [Style, string]>> = {
  loading: ['doubtful', 'reading the store'],
  ok: ['good', 'ok'],
  renewing: ['doubtful', 'renewing'],
  failing: ['doubtful', 'renewal fails; it will be tried again'],
  login_required: ['bad', 'login required'],
  keychain_locked: ['bad', 'the keychain is locked'],
  keychain_unavailable: ['bad', 'the store cannot be opened'],
  locked: ['bad', 'the daemon is locked'],
};

function profileRows(status: ProfileStatus, nowMs: number, paint: Paint): readonly Row[] {
  const { problem, trouble, nextRenewalAt, clockOffsetMs } = status;
  const [style, word] = stateWords[status.state];
  return [
    ['state', paint(style, word)],
    ['subject', visible(status.subject ?? 'unknown')],
    ['token', tokenText(status)],
    ['next renewal', nextRenewalAt === null ? null : whenText(nextRenewalAt, nowMs)],
    ...problemRows(problem, word),
    ['last failure', trouble === null ? null : troubleText(trouble, problem, nowMs)],
    ['this hour', `${status.successesInHour} of ${status.attemptsInHour} exchanges succeeded`],
    ['credential', `${visible(status.kind)}, for ${visible(status.endpoint)}`],
    ['acts as', shown(status.impersonateServiceAccountId)],
    ['cloud', shown(status.cloudId)],
    ['folder', shown(status.folderId)],
    ['notice', shown(status.notice)],
    ['clock', clockOffsetMs === 0 ? null : clockText(clockOffsetMs)],
  ];
}

function daemonRows(
  { version, pid, startedAt, manager, locked, protection, store, metadataAddress }: DaemonStatus,
  nowMs: number,
  paint: Paint,
): readonly Row[] {
  return [
    ['state', locked === true ? paint('bad', 'locked until iam-token unlock') : null],
    ['version', visible(version)],
    ['process', `${pid}, for ${span(nowMs - Date.parse(startedAt))}`],
    ['manager', manager ? visible(`${manager.unit} of ${manager.kind}`) : 'none'],
    ['store', `${visible(store.kind)}, ${store.state === 'open' ? 'open' : paint('bad', 'closed')}`],
    ['peers', shown(protection?.peers)],
    ['memory', shown(protection?.memory)],
    ...problemRows(store.problem),
    ['metadata', shown(metadataAddress)],
  ];
}

function tokenText({ expiresAt, timeLeftMs }: ProfileStatus): string {
  if (expiresAt === null || timeLeftMs === null) return 'none';
  if (timeLeftMs <= 0) return `expired ${localTime(expiresAt)}`;
  if (timeLeftMs <= expiryMarginMs) return `given out no more: it ends in ${span(timeLeftMs)}`;
  return `lives ${span(timeLeftMs)} more, until ${localTime(expiresAt)}`;
}

function whenText(iso: string, nowMs: number): string {
  const inMs = Date.parse(iso) - nowMs;
  return inMs <= 0 ? 'now' : `in ${span(inMs)}, at ${localTime(iso)}`;
}

/** The message is left out where the problem above says it already. */
function troubleText(
  { message, since, lastAt, count }: NonNullable<ProfileStatus['trouble']>,
  problem: Problem | null,
  nowMs: number,
): string {
  const ago = `${span(nowMs - Date.parse(lastAt))} ago`;
  const times = count === 1 ? ago : `${ago}, the ${ordinal(count)} since ${localTime(since)}`;
  return message === problem?.message ? times : `${times}: ${visible(message)}`;
}

function clockText(offsetMs: number): string {
  return `${span(Math.abs(offsetMs))} ${offsetMs > 0 ? 'behind' : 'ahead of'} the clock of Yandex Cloud`;
}

/** @param state the words for it, which need not be said twice */
function problemRows(problem: Problem | null, state?: string): readonly Row[] {
  if (problem === null) return [];
  return [
    ['problem', problem.message === state ? null : visible(problem.message)],
    ...(problem.hint?.split('\n') ?? []).map((line, at): Row => [
      at === 0 ? 'what to do' : '',
      visible(line),
    ]),
  ];
}

function shown(text: string | undefined): string | null {
  return text === undefined ? null : visible(text);
}

function rows(all: readonly Row[]): readonly string[] {
  return all
    .filter(([, text]) => text !== null)
    .map(([label, text]) => `  ${label.padEnd(labelWidth)} ${text}`);
}

function ordinal(count: number): string {
  const suffixes: Readonly<Record<string, string>> = { one: 'st', two: 'nd', few: 'rd', other: 'th' };
  return `${count}${suffixes[new Intl.PluralRules('en', { type: 'ordinal' }).select(count)] ?? 'th'}`;
}
