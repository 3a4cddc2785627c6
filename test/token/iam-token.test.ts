import assert from 'node:assert/strict';
import { Secret } from '../../src/shared/secret.ts';
import {
  believableExpiryMs,
  earlyRenewalAtMs,
  freshness,
  type IamToken,
  lifeLeftMs,
} from '../../src/token/iam-token.ts';
import { hour, minute, second, year } from '../support/durations.ts';

const receivedAtMs = Date.UTC(2026, 10, 24);

function living(lifeMs: number): IamToken {
  return { value: new Secret('t1.a'), subject: null, expiresAtMs: receivedAtMs + lifeMs, receivedAtMs };
}

/** What the token is, so long before its end. */
function freshnessBefore(token: IamToken, leftMs: number): string {
  return freshness(token, token.expiresAtMs - leftMs);
}

describe('IAM token', () => {
  it('is fresh until a tenth of the life that it had on arrival is left, then stale', () => {
    assert.equal(freshnessBefore(living(10 * hour), hour + 1), 'fresh');
    assert.equal(freshnessBefore(living(10 * hour), hour), 'stale');
  });

  it('counts as expired for its last minute', () => {
    assert.equal(freshnessBefore(living(10 * hour), minute + 1), 'stale');
    assert.equal(freshnessBefore(living(10 * hour), minute), 'expired');
    assert.equal(freshnessBefore(living(10 * hour), -hour), 'expired');
  });

  it('is stale some time before it counts as expired, however short it lives', () => {
    for (const lifeMs of [90 * second, 5 * minute, 10 * minute, 15 * minute, 20 * minute]) {
      const token = living(lifeMs);
      const staleForMs = token.expiresAtMs - minute - earlyRenewalAtMs(token);
      assert.ok(staleForMs >= (lifeMs - minute) * 0.05, `${lifeMs / second} s: stale for ${staleForMs} ms`);
      assert.ok(earlyRenewalAtMs(token) > receivedAtMs, `${lifeMs / second} s: never stale on arrival`);
    }
    assert.equal(lifeLeftMs(living(20 * minute), earlyRenewalAtMs(living(20 * minute))), 2 * minute);
  });

  it('is not believed by a clock that is behind its arrival by more than a minute', () => {
    const token = living(12 * hour);
    assert.equal(freshness(token, receivedAtMs - minute), 'fresh');
    assert.equal(freshness(token, receivedAtMs - minute - 1), 'expired');
    assert.equal(freshness(token, receivedAtMs - 50 * year), 'expired');
  });

  it('lives for 12 hours at most, whatever IAM says', () => {
    assert.equal(
      believableExpiryMs(receivedAtMs + 100 * year, receivedAtMs),
      receivedAtMs + 12 * hour + minute,
    );
    assert.equal(believableExpiryMs(receivedAtMs + 12 * hour, receivedAtMs), receivedAtMs + 12 * hour);
  });
});
