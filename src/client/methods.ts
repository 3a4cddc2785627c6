/** What else can be asked of the daemon, and what its answers must look like. */
import type {
  Answer,
  DaemonStatus,
  ProfileStatus,
  ProfileSummary,
  Protection,
  ServiceManager,
} from '../protocol/messages.ts';
import { listOf, number, oneOf, orNothing, orNull, shape, text, truth } from './checks.ts';
import { moment, problem } from './incoming.ts';
import { method } from './token-method.ts';

const scope = {
  cloudId: orNothing(text),
  folderId: orNothing(text),
  impersonateServiceAccountId: orNothing(text),
};

const profileStatus = shape<ProfileStatus>({
  profile: text,
  isDefault: truth,
  kind: text,
  endpoint: text,
  ...scope,
  state: oneOf([
    'loading',
    'ok',
    'renewing',
    'failing',
    'login_required',
    'keychain_locked',
    'keychain_unavailable',
    'locked',
  ]),
  subject: orNull(text),
  expiresAt: orNull(moment),
  timeLeftMs: orNull(number),
  nextRenewalAt: orNull(moment),
  problem: orNull(problem),
  trouble: orNull(
    shape<NonNullable<ProfileStatus['trouble']>>({
      message: text,
      since: moment,
      lastAt: moment,
      count: number,
    }),
  ),
  successesInHour: number,
  attemptsInHour: number,
  clockOffsetMs: number,
  notice: orNothing(text),
});

const renewed = shape<Answer<'refresh'>>({ profile: text, subject: orNull(text), expiresAt: moment });
const nothing = shape<Record<string, never>>({});

export const status = method(
  'status',
  shape<Answer<'status'>>({
    daemon: shape<DaemonStatus>({
      version: text,
      pid: number,
      startedAt: moment,
      locked: orNothing(truth),
      manager: orNothing(orNull(shape<ServiceManager>({ kind: text, unit: text }))),
      metadataAddress: orNothing(text),
      protection: orNothing(shape<Protection>({ peers: text, memory: text })),
      store: shape<DaemonStatus['store']>({
        kind: text,
        state: oneOf(['open', 'closed']),
        problem: orNull(problem),
        passphrase: orNothing(oneOf(['needed', 'new'])),
      }),
    }),
    profiles: listOf(profileStatus),
    next: orNull(text),
  }),
);

export const awsCredentials = method(
  'awsCredentials',
  shape<Answer<'awsCredentials'>>({
    accessKeyId: text,
    secretAccessKey: text,
    sessionToken: text,
    expiresAt: moment,
    profile: text,
  }),
);

export const refresh = method('refresh', renewed);
export const login = method('login', renewed);
export const logout = method(
  'logout',
  shape<Answer<'logout'>>({
    profile: text,
    tokenRevoked: orNothing(truth),
    left: orNothing(listOf(shape<{ message: string; hint: string }>({ message: text, hint: text }))),
  }),
);

export const profiles = method(
  'profiles',
  shape<Answer<'profiles'>>({
    profiles: listOf(shape<ProfileSummary>({ profile: text, isDefault: truth, kind: text, ...scope })),
    next: orNull(text),
  }),
);

export const use = method('use', shape<Answer<'use'>>({ profile: text }));
export const subscribe = method('subscribe', nothing);
export const lock = method('lock', shape<Answer<'lock'>>({ outcome: oneOf(['locked', 'was_locked']) }));
export const unlock = method(
  'unlock',
  shape<Answer<'unlock'>>({ outcome: oneOf(['made', 'opened', 'was_open']) }),
);
export const stop = method('stop', nothing);
