/** A rule of the core that is broken on purpose, by one line of the compiled code. */
export interface Mutant {
  readonly rule: string;
  /** In `src/token`, without its extension. */
  readonly file: string;
  /** Stands in the compiled file exactly once. */
  readonly find: string;
  readonly replace: string;
}

export const mutants: readonly Mutant[] = [
  {
    rule: 'a token counts as expired in its last minute',
    file: 'iam-token',
    find: 'if (lifeLeftMs(token, nowMs) <= expiryMarginMs)',
    replace: 'if (lifeLeftMs(token, nowMs) <= -expiryMarginMs)',
  },
  {
    rule: 'a token is renewed at a tenth of its life, whatever the schedule says',
    file: 'iam-token',
    find: 'const renewalShare = 0.1;',
    replace: 'const renewalShare = 0;',
  },
  {
    rule: 'a clock that is behind the token’s arrival is not believed',
    file: 'iam-token',
    find: 'if (nowMs < token.receivedAtMs - clockToleranceMs)',
    replace: 'if (nowMs < 0)',
  },
  {
    rule: 'time never runs slower than the monotonic clock',
    file: 'time',
    find: 'return Math.max(corrected, sense.anchor.trueMs + now.monotonicMs - sense.anchor.monotonicMs);',
    replace: 'return corrected;',
  },
  {
    rule: 'a clock that was set back is made up for, through sleep too',
    file: 'time',
    find: 'return { ...sense, offsetMs, anchor: { trueMs, monotonicMs: now.monotonicMs } };',
    replace: 'return sense;',
  },
  {
    rule: 'an answer that was slept on is taken for as old as it may be',
    file: 'time',
    find: 'tookMs <= promptAnswerMs ? serverTimeMs : serverTimeMs + tookMs',
    replace: 'serverTimeMs',
  },
  {
    rule: 'a token kept by a clock that starts anew at each boot is not believed',
    file: 'time',
    find: 'return keptOffsetMs <= largestKeptOffsetMs;',
    replace: 'return true;',
  },
  {
    rule: 'at most 60 exchanges an hour that nobody asked for',
    file: 'budget',
    find: "if (cause === 'person')",
    replace: "if (cause !== 'min_ttl')",
  },
  {
    rule: 'a minTtl causes at most one exchange a minute and 6 an hour',
    file: 'budget',
    find: 'return Math.max(requested, interval, waitForPlace(forMinTtl, minTtlExchangesPerHour, nowMonotonicMs), 0);',
    replace: 'return requested;',
  },
  {
    rule: 'a failure is tried again by itself',
    file: 'outlook',
    find: 'wakes.push(Math.max(phase.retryAtMonotonicMs, budgetAtMonotonicMs));',
    replace: 'wakes.push(Infinity);',
  },
  {
    rule: 'not even a request asks before the Retry-After is over',
    file: 'outlook',
    find: 'Math.max(phase.endedAtMonotonicMs + attemptIntervalMs, untilMonotonicMs(phase.peace))',
    replace: 'phase.endedAtMonotonicMs + attemptIntervalMs',
  },
  {
    rule: 'a terminal refusal is not tried again by the schedule',
    file: 'outlook',
    find: "(phase.kind === 'refused' && phase.mayHeal)",
    replace: "phase.kind === 'refused'",
  },
  {
    rule: 'needs_person is never tried again by a timer',
    file: 'outlook',
    find: "return phase.kind === 'resting' ||",
    replace: "return phase.kind === 'resting' || phase.kind === 'needs_person' ||",
  },
  {
    rule: 'a missing role is asked for again by the schedule',
    file: 'retry',
    find: 'mayHeal: failure.mayHeal === true',
    replace: 'mayHeal: false',
  },
  {
    rule: 'a wake from sleep resets the backoff',
    file: 'retry',
    find: 'if (jumpMs <= 0 ||',
    replace: 'if (jumpMs !== 0 ||',
  },
  {
    rule: 'a person’s failed attempt does not forget the Retry-After',
    file: 'retry',
    find: 'longerPeace(peaceOf(phase), failure.retryAfterMs, now)',
    replace: 'longerPeace(null, failure.retryAfterMs, now)',
  },
  {
    rule: 'sleep counts towards a Retry-After only from the wish on',
    file: 'retry',
    find: 'Math.max(partedMs(peace.since, now), 0)',
    replace: 'Infinity',
  },
  {
    rule: 'everybody who waits is answered when the exchange fails',
    file: 'exchange',
    find: 'return also(settleWaiting(troubled, now), ',
    replace: 'return also(step(troubled), ',
  },
  {
    rule: 'an older answer never replaces a newer token',
    file: 'exchange',
    find: 'const longest = isHeldLonger ? held : arrived;',
    replace: 'const longest = arrived;',
  },
  {
    rule: 'a renewal that brought nothing better is not repeated at once',
    file: 'exchange',
    find: 'const token = { ...longest, receivedAtMs: arrived.receivedAtMs };',
    replace: 'const token = { ...longest, receivedAtMs: state.token?.receivedAtMs ?? arrived.receivedAtMs };',
  },
  {
    rule: 'a token that is dead on arrival is trouble, and no success',
    file: 'exchange',
    find: "if (freshness(arrived, receivedAtMs) === 'expired')",
    replace: "if (freshness(arrived, receivedAtMs) === 'never')",
  },
  {
    rule: 'a login ends the exchange under way',
    file: 'lifecycle',
    find: "return phase.kind === 'exchanging' ? [{ kind: 'cancel_exchange' }] : [];",
    replace: 'return [];',
  },
  {
    rule: 'the stale token is renewed by the first wake',
    file: 'lifecycle',
    find: "(phase.kind === 'resting' && untilRenewalMs(state, now) <= 0)",
    replace: "(phase.kind === 'resting' && state.token === null)",
  },
];
