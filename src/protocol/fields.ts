/** Fields of the params of several methods. */
import * as v from 'valibot';
import { isResourceId, resourceIdRule } from '../shared/resource-id.ts';
import { challengePattern } from './challenge.ts';
import { maxMinTtlMs } from './limits.ts';

export const minTtlMs = () =>
  v.exactOptional(
    v.pipe(
      v.number(),
      v.integer('must be whole milliseconds'),
      v.minValue(0, 'must not be negative'),
      v.maxValue(maxMinTtlMs, 'must be at most 12 h, the longest lifetime of an IAM token'),
    ),
  );

export const resourceId = () => v.exactOptional(v.pipe(v.string(), v.check(isResourceId, resourceIdRule)));
/** Of a profile: empty to clear it. */
export const clearableId = () =>
  v.exactOptional(
    v.pipe(
      v.string(),
      v.check((value) => value === '' || isResourceId(value), resourceIdRule),
    ),
  );

/** A nonce or a proof of `challenge.ts`; for Windows pipes only. */
export const challengeValue = () =>
  v.exactOptional(v.pipe(v.string(), v.regex(challengePattern, 'must be 32 bytes in base64url')));
