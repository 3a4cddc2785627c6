import type { DaemonStatus, ProfileStatus } from '../protocol/messages.ts';
import { durationMs } from '../shared/duration.ts';
import { ProblemError } from '../shared/errors.ts';
import { expiryMarginMs } from '../token/iam-token.ts';
import type { Ask } from './ask.ts';
import { failure, json } from './http-answer.ts';
import type { Query, Routes } from './routes.ts';

/** What `http.sock` has for programs that speak no node-ipc; PROTOCOL.md documents it. */
export const tokenRoutes: Routes = {
  '/v1/token': {
    query: ['profile', 'minTtl'],
    answer: async (ask, { minTtl, ...profile }) =>
      json(
        await ask('token', {
          ...profile,
          ...(minTtl === undefined ? {} : { minTtlMs: minTtlMs(minTtl) }),
        }),
      ),
  },
  '/v1/status': {
    query: ['profile'],
    answer: async (ask, query) => json(await wholeStatus(ask, query)),
  },
  '/healthz': {
    query: [],
    answer: async (ask) => json(await ask('hello', {})),
  },
  '/readyz': {
    query: ['profile'],
    // Not by `token`: a probe that comes each second would start exchanges.
    answer: async (ask, query) => {
      const { profiles } = await wholeStatus(ask, query);
      const asked = profiles.find(({ isDefault }) => isDefault || query['profile'] !== undefined);
      if ((asked?.timeLeftMs ?? 0) > expiryMarginMs) return json({ ready: true });
      const none = {
        code: 'login_required',
        message: 'there is no profile yet',
        hint: 'iam-token login',
      } as const;
      const notYet = { code: 'unavailable', message: 'there is no valid token yet' } as const;
      return failure(asked === undefined ? none : (asked.problem ?? notYet), 503);
    },
  },
};

function minTtlMs(text: string): number {
  const ms = durationMs(text);
  if (ms !== null) return ms;
  throw new ProblemError({ code: 'bad_request', message: 'minTtl: must be a time, like 10m' });
}

/** All pages as one. */
async function wholeStatus(
  ask: Ask,
  query: Query,
): Promise<{ readonly daemon: DaemonStatus; readonly profiles: readonly ProfileStatus[] }> {
  const { daemon, profiles, next } = await ask('status', query);
  if (next === null) return { daemon, profiles };
  const rest = await wholeStatus(ask, { after: next });
  return { daemon, profiles: [...profiles, ...rest.profiles] };
}
