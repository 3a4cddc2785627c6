/** Fields about the authorized key of a profile. */
import * as v from 'valibot';
import { problem, timestamp } from './envelope.ts';

/** In `status`. */
export const keyStatus = () =>
  v.object({
    id: v.string(),
    /** Absent if unknown. */
    createdAt: v.exactOptional(timestamp()),
    /** When it is replaced by itself; absent if it is not. */
    nextRotationAt: v.exactOptional(timestamp()),
    /** Why it was not replaced, or why the key that it replaced is still valid. */
    problem: v.exactOptional(problem()),
  });

/** In the result of a `login` with `replaceKey`. */
export const lastUse = () =>
  v.object({
    keyId: v.string(),
    /** When IAM last accepted the key; `null` if IAM does not say. */
    usedAt: v.nullable(timestamp()),
    /** That was this login. */
    isThisLogin: v.boolean(),
  });

/** The result of `rotateKey`. */
export const rotatedKey = () =>
  v.object({
    profile: v.string(),
    keyId: v.string(),
    replacedKeyId: v.string(),
    /** `in_use`: another profile has it. `not_deleted`: see `problem`; the daemon tries again. */
    replacedKey: v.picklist(['deleted', 'kept', 'in_use', 'not_deleted']),
    problem: v.exactOptional(problem()),
  });
