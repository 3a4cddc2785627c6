import assert from 'node:assert/strict';
import { Secret } from '../../src/shared/secret.ts';
import {
  clampExpiryMs,
  earlyRenewalAtMs,
  freshnessOf,
  type IamToken,
  timeLeftMs,
} from '../../src/token/token.ts';
import { hour, minute, second, year } from '../support/time/durations.ts';

const receivedAtMs = Date.UTC(2026, 10, 24);

function createToken(lifetimeMs: number): IamToken {
  return { value: new Secret('t1.a'), subject: null, expiresAtMs: receivedAtMs + lifetimeMs, receivedAtMs };
}

/** The freshness of the token, this long before its expiry. */
function freshnessBefore(token: IamToken, timeLeftMs: number): string {
  return freshnessOf(token, token.expiresAtMs - timeLeftMs);
}

describe('a token', () => {
  it('is fresh until a tenth of its lifetime is left, then stale', () => {
    assert.equal(freshnessBefore(createToken(10 * hour), hour + 1), 'fresh');
    assert.equal(freshnessBefore(createToken(10 * hour), hour), 'stale');
  });

  it('is expired in its last minute', () => {
    assert.equal(freshnessBefore(createToken(10 * hour), minute + 1), 'stale');
    assert.equal(freshnessBefore(createToken(10 * hour), minute), 'expired');
    assert.equal(freshnessBefore(createToken(10 * hour), -hour), 'expired');
  });

  it('is stale for some time before it is expired, however short its lifetime', () => {
    for (const lifetimeMs of [90 * second, 5 * minute, 10 * minute, 15 * minute, 20 * minute]) {
      const token = createToken(lifetimeMs);
      const staleForMs = token.expiresAtMs - minute - earlyRenewalAtMs(token);
      assert.ok(
        staleForMs >= (lifetimeMs - minute) * 0.05,
        `${lifetimeMs / second} s: stale for ${staleForMs} ms`,
      );
      assert.ok(earlyRenewalAtMs(token) > receivedAtMs, `${lifetimeMs / second} s: not stale on arrival`);
    }
    assert.equal(
      timeLeftMs(createToken(20 * minute), earlyRenewalAtMs(createToken(20 * minute))),
      2 * minute,
    );
  });

  it('is expired if the clock is behind its arrival by more than a minute', () => {
    const token = createToken(12 * hour);
    assert.equal(freshnessOf(token, receivedAtMs - minute), 'fresh');
    assert.equal(freshnessOf(token, receivedAtMs - minute - 1), 'expired');
    assert.equal(freshnessOf(token, receivedAtMs - 50 * year), 'expired');
  });

  it('expires after at most 12 hours, whatever IAM returns', () => {
    assert.equal(clampExpiryMs(receivedAtMs + 100 * year, receivedAtMs), receivedAtMs + 12 * hour + minute);
    assert.equal(clampExpiryMs(receivedAtMs + 12 * hour, receivedAtMs), receivedAtMs + 12 * hour);
  });
});
