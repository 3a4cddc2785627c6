// Drives the compiled lifecycle from typical states through every event, and prints what happens as a Markdown
// table; with --write puts it into ARCHITECTURE.md. `test/token/lifecycle-table.test.ts` holds the two together.
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { format, resolveConfig } from 'prettier';
import { Secret } from '../dist/src/shared/secret.js';
import { transition } from '../dist/src/token/lifecycle.js';
import { initialState } from '../dist/src/token/state.js';

const begin = '<!-- lifecycle table: made by scripts/lifecycle-table.mjs -->';
const end = '<!-- end of the lifecycle table -->';

const second = 1_000;
const minute = 60 * second;
const hour = 60 * minute;
const now = { wallMs: Date.UTC(2026, 10, 24, 12), monotonicMs: 100 * hour };
const long = 12 * hour;

function token(value, leftMs) {
  const expiresAtMs = now.wallMs + leftMs;
  return { value: new Secret(value), subject: null, expiresAtMs, receivedAtMs: expiresAtMs - long };
}
const living = token('t1.living', 6 * hour);
const stale = token('t1.stale', hour);
const fresh = {
  token: new Secret('t1.new'),
  expiresAtMs: now.wallMs + long,
  subject: null,
  serverTimeMs: now.wallMs,
};
const problem = { code: 'login_required', message: 'there is no credential' };
const failure = (kind, more = {}) => ({ kind, message: 'it failed', ...more });
const trouble = (kind) => ({
  failure: failure(kind),
  sinceMs: now.wallMs,
  lastAtMs: now.wallMs,
  count: 1,
});

const asked = { requestId: 1, minTtlMs: 0, forOutcome: false };
const attempts = (count) =>
  Array.from({ length: count }, () => ({
    atMonotonicMs: now.monotonicMs - minute,
    cause: 'due',
    succeeded: false,
  }));
const exchanging = {
  kind: 'exchanging',
  attempt: 7,
  cause: 'due',
  startedAt: now,
  failuresBefore: 0,
  peace: null,
};
const backingOff = {
  kind: 'backing_off',
  failures: 3,
  retryAtMonotonicMs: now.monotonicMs + minute,
  endedAtMonotonicMs: now.monotonicMs - 10 * second,
  peace: null,
};
const stateIn = (phase, more = {}) => ({ ...initialState(now), attemptsEver: 7, phase, ...more });

const states = {
  loading: stateIn({ kind: 'loading' }, { waiting: [asked] }),
  without_credential: stateIn({ kind: 'without_credential', problem }),
  'resting, fresh': stateIn({ kind: 'resting' }, { token: living }),
  'resting, stale': stateIn({ kind: 'resting' }, { token: stale }),
  'resting, no token, no budget': stateIn({ kind: 'resting' }, { attempts: attempts(60) }),
  'exchanging, token': stateIn(exchanging, { token: stale }),
  'exchanging, no token': stateIn(exchanging, { waiting: [asked] }),
  'backing_off, token': stateIn(backingOff, { token: living, trouble: trouble('transient') }),
  'backing_off, no token': stateIn(backingOff, { trouble: trouble('transient') }),
  'backing_off, Retry-After': stateIn(
    { ...backingOff, peace: { untilMonotonicMs: backingOff.retryAtMonotonicMs, since: now } },
    { trouble: trouble('transient') },
  ),
  'refused, token': stateIn(
    { kind: 'refused', mayHeal: false },
    { token: living, trouble: trouble('terminal') },
  ),
  'refused, no token': stateIn({ kind: 'refused', mayHeal: false }, { trouble: trouble('terminal') }),
  'refused, may heal': stateIn({ kind: 'refused', mayHeal: true }, { trouble: trouble('terminal') }),
  needs_person: stateIn({ kind: 'needs_person' }, { trouble: trouble('needs_person') }),
  stopped: stateIn({ kind: 'stopped', problem }),
};

const failed = (of, more) => ({
  kind: 'exchange_ended',
  attempt: 7,
  outcome: { ok: false, failure: failure(of, more) },
  random01: 0.5,
});
const succeeded = (attempt, exchanged = fresh) => ({
  kind: 'exchange_ended',
  attempt,
  outcome: { ok: true, exchanged },
  random01: 0.5,
});

const requested = (more) => ({ kind: 'requested', request: { ...asked, requestId: 2, ...more } });

/** Each event, and how the state is made ready for it. */
const events = {
  loading: { kind: 'loading' },
  'credential_found, with a living token': {
    kind: 'credential_found',
    kept: { token: living, clockOffsetMs: 0 },
  },
  'credential_found, without': { kind: 'credential_found', kept: null },
  credential_missing: { kind: 'credential_missing', problem },
  logged_in: { kind: 'logged_in', exchanged: fresh, startedAt: now, random01: 0.5 },
  requested: requested({}),
  'requested, minTtl 12 h': requested({ minTtlMs: long }),
  'requested, by refresh': requested({ forOutcome: true }),
  request_gone: { kind: 'request_gone', requestId: 1 },
  'exchange_ended, well': succeeded(7),
  'exchange_ended, dead token': succeeded(7, { ...fresh, expiresAtMs: now.wallMs }),
  'exchange_ended, of before': succeeded(6),
  'exchange_ended, transient': failed('transient'),
  'exchange_ended, terminal': failed('terminal'),
  'exchange_ended, code 7': failed('terminal', { mayHeal: true }),
  'exchange_ended, needs_person': failed('needs_person'),
  schedule_planned: { kind: 'schedule_planned', atMs: now.wallMs + hour },
  'woke, nothing is due': { kind: 'woke', jumpMs: 0 },
  'woke, the schedule fired': {
    kind: 'woke',
    jumpMs: 0,
    before: (state) => ({ ...state, scheduledAtMs: now.wallMs }),
  },
  'woke, the retry is due': {
    kind: 'woke',
    jumpMs: 0,
    before: (state) => ({ ...state, phase: dueNow(state.phase) }),
  },
  'woke, after a sleep of 30 s': { kind: 'woke', jumpMs: 30 * second },
  stopping: { kind: 'stopping' },
};

function dueNow(phase) {
  return phase.kind === 'backing_off' ? { ...phase, retryAtMonotonicMs: now.monotonicMs } : phase;
}

function phaseName({ kind, mayHeal }) {
  return mayHeal ? `${kind}, may heal` : kind;
}

function effectName(effect) {
  switch (effect.kind) {
    case 'announce':
      return `announce ${effect.event}`;
    case 'start_exchange':
      return effect.interactive ? 'start_exchange (interactive)' : 'start_exchange';
    default:
      return effect.kind;
  }
}

function outcome(state, { before = (same) => same, ...event }) {
  const ready = before(state);
  const step = transition(ready, event, now);
  const { phase, waiting, scheduledAtMs } = step.state;
  const isSame = phase.kind === ready.phase.kind && phase.attempt === ready.phase.attempt;
  const effects = step.effects.map(effectName);
  if (event.kind === 'requested' && waiting.length > ready.waiting.length) effects.push('(it waits)');
  if (event.kind === 'request_gone' && waiting.length < ready.waiting.length)
    effects.push('(it is forgotten)');
  if (event.kind === 'schedule_planned' && scheduledAtMs === event.atMs) effects.push('(it is remembered)');
  return `${isSame ? 'the same' : phaseName(phase)} | ${effects.join(', ') || '–'}`;
}

/** For one event: the states that come to the same thing together in one row, most of them as "any other". */
function rowsOf(eventName, event) {
  const groups = new Map();
  for (const [stateName, state] of Object.entries(states)) {
    const key = outcome(state, event);
    groups.set(key, [...(groups.get(key) ?? []), stateName]);
  }
  const [most, ...others] = [...groups].toSorted(([, a], [, b]) => b.length - a.length);
  const hasRest = most[1].length > 1;
  const rows = others.map(([key, names]) => [names.join('; '), key]);
  rows.push([hasRest ? (others.length === 0 ? 'any' : 'any other') : most[1].join('; '), most[0]]);
  return rows.map(([names, key]) => `| ${eventName} | ${names} | ${key} |`);
}

const table = [
  '| event | state | becomes | effects, in order |',
  '| --- | --- | --- | --- |',
  ...Object.entries(events).flatMap(([name, event]) => rowsOf(name, event)),
].join('\n');

const architecture = fileURLToPath(new URL('../ARCHITECTURE.md', import.meta.url));
const options = { ...(await resolveConfig(architecture)), parser: 'markdown' };
const section = await format(`${begin}\n\n${table}\n\n${end}\n`, options);

if (process.argv.includes('--write')) {
  const document = readFileSync(architecture, 'utf8');
  const from = document.indexOf(begin);
  const to = document.indexOf(end);
  if (from < 0) throw new Error(`ARCHITECTURE.md has no line ${begin}`);
  const rest = to < 0 ? '' : document.slice(to + end.length).replace(/^\n/, '');
  writeFileSync(architecture, document.slice(0, from) + section + rest);
} else {
  process.stdout.write(section);
}
