/** A rule of the core, and the change to its compiled code that breaks it. */
export interface Mutant {
  readonly rule: string;
  /** In `src/token`, without extension. */
  readonly file: string;
  /** Occurs exactly once in the compiled file. */
  readonly find: string;
  readonly replace: string;
}

export const mutants: readonly Mutant[] = [
  {
    rule: 'a token is expired in its last minute',
    file: 'token',
    find: 'if (timeLeftMs(token, nowMs) <= expiryMarginMs)',
    replace: 'if (timeLeftMs(token, nowMs) <= -expiryMarginMs)',
  },
  {
    rule: 'a token is renewed at a tenth of its lifetime, whatever the schedule',
    file: 'token',
    find: 'const renewalFraction = 0.1;',
    replace: 'const renewalFraction = 0;',
  },
  {
    rule: 'a token is expired if the clock is behind its arrival',
    file: 'token',
    find: 'if (nowMs < token.receivedAtMs - clockToleranceMs)',
    replace: 'if (nowMs < 0)',
  },
  {
    rule: 'time never runs slower than the monotonic clock',
    file: 'clock-estimate',
    find: 'return Math.max(correctedMs, estimate.anchor.trueMs + now.monotonicMs - estimate.anchor.monotonicMs);',
    replace: 'return correctedMs;',
  },
  {
    rule: 'a clock that was set back is corrected, through sleep too',
    file: 'clock-estimate',
    find: 'return { ...estimate, offsetMs, anchor: { trueMs, monotonicMs: now.monotonicMs } };',
    replace: 'return estimate;',
  },
  {
    rule: 'the server time of a delayed response counts as late as possible',
    file: 'clock-estimate',
    find: 'elapsedMs <= maxPromptResponseMs ? serverTimeMs : serverTimeMs + elapsedMs',
    replace: 'serverTimeMs',
  },
  {
    rule: 'a persisted token is not used if the clock restarts at each boot',
    file: 'clock-estimate',
    find: 'return persistedOffsetMs <= maxPersistedOffsetMs;',
    replace: 'return true;',
  },
  {
    rule: 'at most 60 automatic exchanges an hour',
    file: 'budget',
    find: "if (trigger === 'user')",
    replace: "if (trigger !== 'min_ttl')",
  },
  {
    rule: 'a minTtl causes at most one exchange a minute and 6 an hour',
    file: 'budget',
    find: 'return Math.max(requestWaitMs, intervalWaitMs, limitWaitMs(minTtlAttempts, minTtlExchangesPerHour, nowMonotonicMs), 0);',
    replace: 'return requestWaitMs;',
  },
  {
    rule: 'exchanges for requests are spread over the hour',
    file: 'budget',
    find: 'failures.length < requestBurst',
    replace: 'failures.length < 30',
  },
  {
    rule: 'only another answer of the service starts an exchange',
    file: 'service-probe',
    find: 'answer !== probe.answer &&',
    replace: '',
  },
  {
    rule: 'a transient failure is retried automatically',
    file: 'selectors',
    find: 'wakes.push(Math.max(retryAtMonotonicMs(state, phase), budgetAtMonotonicMs));',
    replace: 'wakes.push(Infinity);',
  },
  {
    rule: 'a request starts no attempt before the Retry-After',
    file: 'selectors',
    find: 'Math.max(phase.endedAtMonotonicMs + minAttemptIntervalMs, notBeforeMonotonicMs(phase.retryAfter))',
    replace: 'phase.endedAtMonotonicMs + minAttemptIntervalMs',
  },
  {
    rule: 'a terminal failure is not retried on schedule',
    file: 'selectors',
    find: "(phase.kind === 'credential_rejected' && phase.retryOnSchedule)",
    replace: "phase.kind === 'credential_rejected'",
  },
  {
    rule: 'interaction_required is not retried on schedule',
    file: 'selectors',
    find: "return phase.kind === 'idle' ||",
    replace: "return phase.kind === 'idle' || phase.kind === 'interaction_required' ||",
  },
  {
    rule: 'a missing role is retried on schedule',
    file: 'retry',
    find: 'retryOnSchedule: failure.retryOnSchedule === true',
    replace: 'retryOnSchedule: false',
  },
  {
    rule: 'waking from sleep resets the backoff',
    file: 'retry',
    find: 'if (jumpMs <= 0 ||',
    replace: 'if (jumpMs !== 0 ||',
  },
  {
    rule: 'a failed refresh keeps the Retry-After',
    file: 'retry',
    find: 'laterRetryAfter(retryAfterOf(phase), failure.retryAfterMs, now)',
    replace: 'laterRetryAfter(null, failure.retryAfterMs, now)',
  },
  {
    rule: 'only sleep after a Retry-After counts towards it',
    file: 'retry',
    find: 'Math.max(clockSkewMs(retryAfter.since, now), 0)',
    replace: 'Infinity',
  },
  {
    rule: 'waiting requests are answered when the exchange fails',
    file: 'exchange',
    find: 'settleWaitingRequests(nextState, now), ...persistIfClockChanged',
    replace: 'createStep(nextState), ...persistIfClockChanged',
  },
  {
    rule: 'an older token does not replace a newer one',
    file: 'exchange',
    find: 'const longestLivedToken = isCurrentLongerLived ? currentToken : newToken;',
    replace: 'const longestLivedToken = newToken;',
  },
  {
    rule: 'a renewal that brought nothing better is not repeated at once',
    file: 'exchange',
    find: 'const token = { ...longestLivedToken, receivedAtMs: newToken.receivedAtMs };',
    replace:
      'const token = { ...longestLivedToken, receivedAtMs: state.token?.receivedAtMs ?? newToken.receivedAtMs };',
  },
  {
    rule: 'a token that has expired on arrival is a failure',
    file: 'exchange',
    find: "if (freshnessOf(newToken, newToken.receivedAtMs) === 'expired')",
    replace: "if (freshnessOf(newToken, newToken.receivedAtMs) === 'never')",
  },
  {
    rule: 'a login cancels the exchange in progress',
    file: 'lifecycle',
    find: "return phase.kind === 'exchanging' ? [{ kind: 'cancel_exchange' }] : [];",
    replace: 'return [];',
  },
  {
    rule: 'a stale token is renewed by the next timer',
    file: 'selectors',
    find: "(phase.kind === 'idle' && renewalWaitMs(state, now) <= 0)",
    replace: "(phase.kind === 'idle' && state.token === null)",
  },
];
