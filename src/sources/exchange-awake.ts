import type { Clock, Instant } from '../shared/clock.ts';
import { omitUndefined } from '../shared/omit-undefined.ts';
import { maxElapsedMs } from '../token/clock-estimate.ts';
import type { ExchangeOutcome, TokenSource } from '../token/token-source.ts';

/** No exchange takes this long while the machine is awake: yc has 110 s for a user, and two requests may follow. */
const maxAwakeMs = 3 * 60_000;

/** Whether the machine slept, or its clock was set, since `startedAt`. */
export function hasSleptSince(startedAt: Instant, now: Instant): boolean {
  return maxElapsedMs(startedAt, now) >= maxAwakeMs;
}

/**
 * Exchanges a credential, and repeats a rejected exchange during which the machine slept: a JWT that is sent minutes after it
 * was signed, or a token that was read before the sleep, has expired, and the rejection says nothing about the credential.
 * If the machine sleeps during the second exchange too, its rejection is a `transient` failure.
 *
 * @returns the outcome, and when the exchange that had it began
 */
export async function exchangeAwake<Value>(
  source: TokenSource<Value>,
  clock: Pick<Clock, 'now'>,
  signal: AbortSignal,
  interactive: boolean,
): Promise<{ readonly outcome: ExchangeOutcome<Value>; readonly startedAt: Instant }> {
  const firstStartedAt = clock.now();
  const first = await source.exchange(signal, interactive);
  if (!isRejectedAfterSleep(first, firstStartedAt, clock.now()))
    return { outcome: first, startedAt: firstStartedAt };
  // A replacement must be stored before the next exchange.
  if (first.replacement !== undefined) return { outcome: asTransient(first), startedAt: firstStartedAt };
  const startedAt = clock.now();
  const second = await source.exchange(signal, interactive);
  const outcome = isRejectedAfterSleep(second, startedAt, clock.now()) ? asTransient(second) : second;
  return { outcome, startedAt };
}

function isRejectedAfterSleep(outcome: ExchangeOutcome<unknown>, startedAt: Instant, now: Instant): boolean {
  return !outcome.ok && outcome.failure.kind === 'terminal' && hasSleptSince(startedAt, now);
}

function asTransient<Value>(outcome: ExchangeOutcome<Value>): ExchangeOutcome<Value> {
  if (outcome.ok) return outcome;
  const { message, serverTimeMs } = outcome.failure;
  const slept = `the machine slept during the request: ${message}`;
  return { ...outcome, failure: { kind: 'transient', message: slept, ...omitUndefined({ serverTimeMs }) } };
}
