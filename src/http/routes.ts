/** All paths, and what each answers. */
import type { Answer, Params } from '../protocol/messages.ts';
import { allPages } from '../protocol/pages.ts';
import type { Clock } from '../shared/clock.ts';
import { durationMs } from '../shared/duration.ts';
import { type Problem, ProblemError } from '../shared/errors.ts';
import { expiryMarginMs } from '../token/iam-token.ts';
import type { Ask } from './ask.ts';
import { failure, type HttpAnswer, json, plain } from './http-answer.ts';

type Query = Readonly<Record<string, string>>;

interface Route {
  /** The parameters there are; `null`: whatever comes is passed over. */
  readonly query: readonly string[] | null;
  /** @throws ProblemError */
  answer(ask: Ask, query: Query): Promise<HttpAnswer>;
}

/** By path: compared as it came, so that there is one spelling of each. */
type Routes = Readonly<Record<string, Route>>;

/** @throws ProblemError */
export async function answerFrom(routes: Routes, target: string, ask: Ask): Promise<HttpAnswer> {
  const [path = '', ...rest] = target.split('?');
  const route = Object.hasOwn(routes, path) ? routes[path] : undefined;
  if (route === undefined) return failure({ code: 'unknown_method', message: 'there is no such path' });
  return route.answer(ask, route.query === null ? {} : queryIn(rest.join('?'), route.query));
}

function queryIn(text: string, known: readonly string[]): Query {
  const query = new URLSearchParams(text);
  const names = [...query.keys()];
  if (names.some((name, at) => !known.includes(name) || names.indexOf(name) !== at)) {
    const there = known.length === 0 ? 'nothing' : known.join(', ');
    throw new ProblemError({ code: 'bad_request', message: `this path takes ${there}, each once` });
  }
  return Object.fromEntries(query);
}

const noProfile: Problem = {
  code: 'login_required',
  message: 'there is no profile yet',
  hint: 'iam-token login',
};
const noToken: Problem = { code: 'unavailable', message: 'there is no valid token yet' };

/** What `http.sock` has for programs that speak no node-ipc; PROTOCOL.md documents it. */
export const tokenRoutes: Routes = {
  '/v1/token': {
    query: ['profile', 'minTtl'],
    answer: async (ask, { minTtl, ...profile }) =>
      json(await ask('token', minTtl === undefined ? profile : { ...profile, minTtlMs: minTtlMs(minTtl) })),
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
      return failure(asked === undefined ? noProfile : (asked.problem ?? noToken), 503);
    },
  },
};

function minTtlMs(text: string): number {
  const ms = durationMs(text);
  if (ms !== null) return ms;
  throw new ProblemError({ code: 'bad_request', message: 'minTtl: must be a time, like 10m' });
}

async function wholeStatus(
  ask: Ask,
  query: Params<'status'>,
): Promise<Pick<Answer<'status'>, 'daemon' | 'profiles'>> {
  const { daemon, profiles } = await allPages((range) => ask('status', { ...query, ...range }));
  return { daemon, profiles };
}

/** Go's SDK takes 60 s and less for expired. */
const shortestSeconds = 61;
const instance = '/computeMetadata/v1/instance';

/**
 * What the vendor's SDKs and public scripts ask of a virtual machine, for the default profile: the token
 * (go-sdk, python-sdk, nodejs-sdk, ydb-js-sdk, read 2026-11) and its folder and cloud (telegraf, fluent-bit, scripts).
 */
export function metadataRoutes(clock: Pick<Clock, 'now'>): Routes {
  return {
    [`${instance}/service-accounts/default/token`]: {
      query: null,
      // A minute less than there is, for what keeps a token to the last second that it was told of (@ydbjs/auth 6.0.4).
      answer: async (ask) => {
        const { token, expiresAt, clockOffsetMs = 0 } = await ask('token', {});
        const leftMs = Date.parse(expiresAt) - clock.now().wallMs - clockOffsetMs;
        const expiresIn = Math.max(Math.floor((leftMs - expiryMarginMs) / 1_000), shortestSeconds);
        return json({ access_token: token, expires_in: expiresIn, token_type: 'Bearer' });
      },
    },
    [`${instance}/vendor/folder-id`]: scopeRoute('folderId'),
    [`${instance}/vendor/cloud-id`]: scopeRoute('cloudId'),
    '/computeMetadata/v1/yandex/folder-id': scopeRoute('folderId'),
    '/computeMetadata/v1/yandex/cloud-id': scopeRoute('cloudId'),
  };
}

function scopeRoute(field: 'cloudId' | 'folderId'): Route {
  return {
    query: null,
    answer: async (ask) => {
      const { profiles } = await allPages((range) => ask('profiles', range));
      const value = profiles.find(({ isDefault }) => isDefault)?.[field];
      if (value !== undefined) return plain(value);
      return failure({
        code: 'unknown_method',
        message: `the default profile has no ${field === 'cloudId' ? 'cloud' : 'folder'}`,
        hint: 'iam-token login with --cloud-id and --folder-id',
      });
    },
  };
}
