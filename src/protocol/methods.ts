/**
 * All methods of the wire, each defined once: the daemon checks requests and the client checks results by these
 * schemas, and `method-types.ts` derives the types from them. To add a method, define it here, handle it in
 * `src/daemon/requests/method-handlers.ts` and add its command. PROTOCOL.md documents what each method does.
 *
 * This file exports methods only, one by one: the bundle of `iam-token` contains those on the path of a token.
 */
import * as v from 'valibot';
import { protection, serviceManager } from './daemon-fields.ts';
import { number, problem, timestamp } from './envelope.ts';
import { challengeValue, clearableId, minTtlMs, resourceId } from './fields.ts';
import { keyStatus, lastUse, rotatedKey } from './key-fields.ts';
import { isProfileName } from './limits.ts';
import { daemonMetrics, profileMetrics } from './metrics-fields.ts';
import { profileStates } from './profile-states.ts';
import { isIamToken, isObject, type Schema } from './validate.ts';

/** @param name the same as the name of the export */
/* @__NO_SIDE_EFFECTS__ */
function defineMethod<const Name extends string, Params extends () => Schema, Result extends () => Schema>(
  name: Name,
  schemas: { readonly params: Params; readonly result: Result },
): { readonly name: Name; readonly params: Params; readonly result: Result } {
  return { name, ...schemas };
}

/** Blanks around it are dropped. */
const profileName = () =>
  v.pipe(
    v.string(),
    v.trim(),
    v.check(isProfileName, 'must have 1 to 64 characters, no control character and no slash'),
  );
const profile = () => v.exactOptional(profileName());
const text = () => v.exactOptional(v.string());

const limitRule = 'must be a whole number from 1 to 1000';
const pageFields = () => ({
  profile: profile(),
  after: profile(),
  limit: v.exactOptional(
    v.pipe(v.number(limitRule), v.integer(limitRule), v.minValue(1, limitRule), v.maxValue(1_000, limitRule)),
  ),
});
/** `null` on the last page, else `after` of the request for the next page. */
const nextCursor = () => v.nullable(v.string());

const emptyObject = (): Schema<Record<string, never>> => v.object({});

const iamToken = () =>
  v.custom<string>(
    (value) => typeof value === 'string' && isIamToken(value),
    'must consist of visible ASCII characters',
  );
/** The account that a token belongs to. */
const subject = () => v.nullable(v.string());

const renewal = () => v.object({ profile: v.string(), subject: subject(), expiresAt: timestamp() });

const loginParams = () =>
  v.object({
    profile: profile(),
    /** As in `src/sources/credential-kinds.ts`. Absent: only the settings of the profile change. */
    kind: text(),
    /** Its format depends on `kind`. */
    secret: text(),
    /** Further input for `kind`, none of it secret. */
    settings: v.exactOptional(
      v.pipe(
        v.custom(isObject, 'must be an object'),
        // PATH_MAX
        v.record(v.string(), v.pipe(v.string(), v.maxLength(4_096, 'must have at most 4,096 characters'))),
      ),
    ),
    /** This and the other settings: default: those of the profile. Base URL of the IAM API; empty: the daemon's. */
    endpoint: v.exactOptional(v.pipe(v.string(), v.maxLength(255, 'must have at most 255 characters'))),
    cloudId: clearableId(),
    folderId: clearableId(),
    /** The profile's tokens are those of this service account. */
    impersonateServiceAccountId: clearableId(),
    /** The client is going to call `rotateKey`: refused if that cannot succeed. */
    replaceKey: v.exactOptional(v.boolean()),
  });

/** The settings of a profile, apart from its credential. */
const scope = () => ({ cloudId: text(), folderId: text(), impersonateServiceAccountId: text() });

const profileSummary = () =>
  v.object({ profile: v.string(), isDefault: v.boolean(), kind: v.string(), ...scope() });

const profileStatus = () =>
  v.object({
    profile: v.string(),
    isDefault: v.boolean(),
    kind: v.string(),
    endpoint: v.string(),
    ...scope(),
    state: v.picklist(profileStates),
    subject: subject(),
    /** What people call the account, as IAM said at the login; of the last login's account while there is no token. */
    displayName: text(),
    expiresAt: v.nullable(timestamp()),
    /** By the clock of IAM. */
    timeLeftMs: v.nullable(number()),
    nextRenewalAt: v.nullable(timestamp()),
    problem: v.nullable(problem()),
    /** The failures since the last success. */
    trouble: v.nullable(
      v.object({ message: v.string(), since: timestamp(), lastAt: timestamp(), count: number() }),
    ),
    successesInHour: number(),
    attemptsInHour: number(),
    /** IAM's clock minus the local one; 0 if they differ by less than a minute. */
    clockOffsetMs: number(),
    /** Information for the user that is not a problem. */
    notice: text(),
    key: v.exactOptional(v.lazy(keyStatus)),
    metrics: v.exactOptional(v.lazy(profileMetrics)),
  });

/** Removed credentials that are still in a store. */
const leftovers = () => v.exactOptional(problem());

const daemonStatus = () =>
  v.object({
    version: v.string(),
    pid: number(),
    startedAt: timestamp(),
    /** From `lock` to `unlock`. */
    locked: v.exactOptional(v.boolean()),
    /** `null`: started by hand. Absent from older daemons. */
    manager: v.exactOptional(v.nullable(serviceManager())),
    /** `host:port` of the metadata endpoint while it is on; or why it is off although it is configured. */
    metadataAddress: text(),
    metadataProblem: v.exactOptional(problem()),
    /** The same for the metrics address. */
    metricsAddress: text(),
    metricsProblem: v.exactOptional(problem()),
    protection: v.exactOptional(protection()),
    /** What a peer in a container may call: `tokens` or `full`. `not enforced`. Absent from older daemons. */
    containers: text(),
    /** The container that this peer is in, in words; absent: none. */
    peerContainer: text(),
    unsafeEnvironment: v.exactOptional(v.array(v.string())),
    metrics: v.exactOptional(v.lazy(daemonMetrics)),
    store: v.object({
      kind: v.string(),
      state: v.picklist(['open', 'closed']),
      problem: v.nullable(problem()),
      /** The store may ask the user before each change, so nothing is written in the background. */
      confirmation: v.exactOptional(problem()),
      leftovers: leftovers(),
      /** What `unlock` requires: the passphrase, or a `new` one for a new store. Absent: none. */
      passphrase: v.exactOptional(v.picklist(['needed', 'new'])),
    }),
  });

export const hello = defineMethod('hello', {
  params: () => v.object({ version: text(), nonce: challengeValue(), proof: challengeValue() }),
  result: () => v.object({ version: v.string(), protocol: number(), nonce: text(), proof: text() }),
});

export const token = defineMethod('token', {
  params: () =>
    v.object({
      profile: profile(),
      minTtlMs: minTtlMs(),
      /** Returns a token of this service account, which the profile's account may impersonate. */
      impersonateServiceAccountId: resourceId(),
      /** The session of the caller, for `warned`; any text that identifies it. */
      session: v.exactOptional(v.pipe(v.string(), v.maxLength(64, 'must have at most 64 characters'))),
    }),
  /** `IamToken` in `src/client/api-types.ts` documents the fields. */
  result: () =>
    v.object({
      token: iamToken(),
      expiresAt: timestamp(),
      profile: v.string(),
      subject: subject(),
      // Lazy, because it is rare: 0.2 ms of the start of `iam-token`.
      warning: v.exactOptional(v.lazy(problem)),
      /** The session had the warning within the last hour, or a hook reports it. */
      warned: v.exactOptional(v.boolean()),
      clockOffsetMs: v.exactOptional(number()),
    }),
});

export const status = defineMethod('status', {
  /** `metrics`: adds the numbers for monitoring. */
  params: () => v.object({ ...pageFields(), metrics: v.exactOptional(v.boolean()) }),
  result: () => v.object({ daemon: daemonStatus(), profiles: v.array(profileStatus()), next: nextCursor() }),
});

/** Ephemeral keys for Object Storage. */
export const awsCredentials = defineMethod('awsCredentials', {
  params: () => v.object({ profile: profile(), minTtlMs: minTtlMs() }),
  result: () =>
    v.object({
      accessKeyId: v.string(),
      secretAccessKey: v.string(),
      sessionToken: v.string(),
      expiresAt: timestamp(),
      profile: v.string(),
      /** As in `token`. */
      clockOffsetMs: v.exactOptional(number()),
    }),
});

export const refresh = defineMethod('refresh', {
  params: () => v.object({ profile: profile() }),
  result: renewal,
});

export const login = defineMethod('login', {
  params: loginParams,
  result: () =>
    v.object({
      profile: v.string(),
      subject: subject(),
      displayName: text(),
      /** Absent without `kind`, if the profile has no token. */
      expiresAt: v.exactOptional(timestamp()),
      /** The settings that the profile keeps, because the login does not mention them. */
      inherited: v.exactOptional(v.object({ endpoint: text(), ...scope() })),
      leftovers: leftovers(),
      /** With `replaceKey`. */
      lastUse: v.exactOptional(v.lazy(lastUse)),
    }),
});

export const rotateKey = defineMethod('rotateKey', {
  params: () => v.object({ profile: profile(), keepReplacedKey: v.exactOptional(v.boolean()) }),
  result: () => rotatedKey(),
});

export const logout = defineMethod('logout', {
  params: () => v.object({ profile: profile(), revoke: v.exactOptional(v.boolean()) }),
  result: () =>
    v.object({
      profile: v.string(),
      /** With `revoke`: whether valid IAM tokens existed and were revoked. */
      tokenRevoked: v.exactOptional(v.boolean()),
      /** With `revoke`: what remains valid, and the page or the command that ends it. */
      left: v.exactOptional(v.array(v.object({ message: v.string(), hint: v.string() }))),
      leftovers: leftovers(),
    }),
});

export const profiles = defineMethod('profiles', {
  params: () => v.object(pageFields()),
  result: () => v.object({ profiles: v.array(profileSummary()), next: nextCursor() }),
});

export const use = defineMethod('use', {
  params: () => v.object({ profile: profileName() }),
  result: () => v.object({ profile: v.string() }),
});

export const rename = defineMethod('rename', {
  params: () => v.object({ profile: profileName(), to: profileName() }),
  result: () => v.object({ profile: v.string() }),
});

export const subscribe = defineMethod('subscribe', {
  params: () => v.object({ profile: profile() }),
  result: emptyObject,
});

export const lock = defineMethod('lock', {
  params: emptyObject,
  /** `warning`: the lock does not survive a restart. */
  result: () =>
    v.object({ outcome: v.picklist(['locked', 'was_locked']), warning: v.exactOptional(problem()) }),
});

export const unlock = defineMethod('unlock', {
  params: () => v.object({ passphrase: text() }),
  /** `made`: created a store with this passphrase. `was_open`: nothing was locked. */
  result: () => v.object({ outcome: v.picklist(['made', 'opened', 'was_open']) }),
});

export const stop = defineMethod('stop', { params: emptyObject, result: emptyObject });
