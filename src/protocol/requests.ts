/** The border: what a peer asks is checked here, once, and is a typed value from here on. */
import * as v from 'valibot';
import type { Problem } from '../shared/errors.ts';
import { resourceIdPattern, resourceIdRule } from '../shared/resource-id.ts';
import { challengePattern } from './challenge.ts';
import {
  type Method,
  minTtlAtMostMs,
  type Params,
  profileNamePattern,
  protocolVersion,
  type RequestMessage,
} from './messages.ts';

const profileName = v.pipe(
  v.string(),
  v.regex(profileNamePattern, 'must have 1 to 64 characters, no control character and no slash'),
);
const profile = v.exactOptional(profileName);
const noLimit = 'must be a whole number from 1 to 1000';
const limit = v.exactOptional(
  v.pipe(v.number(noLimit), v.integer(noLimit), v.minValue(1, noLimit), v.maxValue(1_000, noLimit)),
);
const page = v.object({ profile, after: profile, limit });
const minTtlMs = v.exactOptional(
  v.pipe(
    v.number(),
    v.integer('must be whole milliseconds'),
    v.minValue(0, 'must not be negative'),
    v.maxValue(minTtlAtMostMs, 'must be at most 12 h: no IAM token lives longer'),
  ),
);

const resourceId = v.exactOptional(v.pipe(v.string(), v.regex(resourceIdPattern, resourceIdRule)));
const challengeWord = v.exactOptional(
  v.pipe(v.string(), v.regex(challengePattern, 'must be 32 bytes in base64url')),
);
/** A path is at most this long on any system. */
const settings = v.pipe(
  v.custom(isObject, 'must be an object'),
  v.record(v.string(), v.pipe(v.string(), v.maxLength(4_096, 'must have at most 4,096 characters'))),
);

/** Each method's parameters; what is not named here is passed over, for clients newer than this daemon. */
const schemas: { readonly [M in Method]: v.GenericSchema<unknown, Params<M>> } = {
  hello: v.object({ version: v.exactOptional(v.string()), nonce: challengeWord, proof: challengeWord }),
  token: v.object({ profile, minTtlMs, impersonateServiceAccountId: resourceId }),
  status: page,
  awsCredentials: v.object({ profile, minTtlMs }),
  refresh: v.object({ profile }),
  login: v.object({
    profile,
    kind: v.string(),
    secret: v.exactOptional(v.string()),
    settings: v.exactOptional(settings),
    endpoint: v.exactOptional(v.pipe(v.string(), v.maxLength(255, 'must have at most 255 characters'))),
    cloudId: resourceId,
    folderId: resourceId,
    impersonateServiceAccountId: resourceId,
  }),
  logout: v.object({ profile, revoke: v.exactOptional(v.boolean()) }),
  profiles: page,
  use: v.object({ profile: profileName }),
  subscribe: v.object({ profile }),
  lock: v.object({}),
  unlock: v.object({ passphrase: v.exactOptional(v.string()) }),
  stop: v.object({}),
};

/** A request whose parameters are known to be right. */
export type CheckedRequest = {
  readonly [M in Method]: { readonly id: number; readonly method: M; readonly params: Params<M> };
}[Method];

export type RequestCheck =
  | { readonly ok: true; readonly request: CheckedRequest }
  /** `id` is `null` where the request had none that could be read. */
  | { readonly ok: false; readonly id: number | null; readonly problem: Problem }
  /** Not even a message: the connection cannot be trusted any further. */
  | { readonly ok: false; readonly id: 'no_message' };

const noParams = {};

export function checkRequest(data: unknown): RequestCheck {
  if (!isObject(data)) return { ok: false, id: 'no_message' };
  const { v: version, id, method, params = noParams }: Partial<RequestMessage> = data;
  if (!isId(id))
    return refused(null, { code: 'bad_request', message: 'id: must be a whole number, 0 or more' });
  if (version !== protocolVersion) {
    return refused(id, {
      code: 'unsupported_version',
      message: `this daemon speaks version ${protocolVersion} of the protocol`,
      hint: 'see that iam-token and iam-tokend are of the same release',
    });
  }
  if (!isMethod(method)) {
    return refused(id, { code: 'unknown_method', message: 'there is no such method' });
  }
  if (!isObject(params)) return refused(id, { code: 'bad_request', message: 'params: must be an object' });
  const checked = v.safeParse(schemas[method], params, { abortEarly: true });
  if (!checked.success) return refused(id, { code: 'bad_request', message: said(checked.issues[0]) });
  return { ok: true, request: { id, method, params: checked.output } as CheckedRequest };
}

function isObject(data: unknown): data is object {
  return typeof data === 'object' && data !== null && !Array.isArray(data);
}

function refused(id: number | null, problem: Problem): RequestCheck {
  return { ok: false, id, problem };
}

function isId(id: unknown): id is number {
  return typeof id === 'number' && Number.isSafeInteger(id) && id >= 0;
}

function isMethod(method: unknown): method is Method {
  return typeof method === 'string' && Object.hasOwn(schemas, method);
}

/** Names the field and what it must be, never what it was: that may be a secret. */
function said(issue: v.BaseIssue<unknown>): string {
  const field = (issue.path ?? []).map(({ key }) => String(key)).join('.');
  if (issue.received === 'undefined') return `${field}: is missing`;
  const own = !issue.message.startsWith('Invalid ');
  return `${field}: ${own ? issue.message : `must be ${issue.expected ?? 'something else'}`}`;
}
