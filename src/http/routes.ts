/** The paths of the HTTP servers and their responses. */
import { collectPages } from '../protocol/collect-pages.ts';
import type { Clock } from '../shared/clock.ts';
import { parseDuration } from '../shared/duration.ts';
import { type Problem, IamTokenError } from '../shared/errors.ts';
import { expiryMarginMs } from '../token/token.ts';
import { type Dispatch, dispatchFullStatus } from './dispatch.ts';
import {
  problemResponse,
  type RouteResponse,
  jsonResponse,
  metricsResponse,
  textResponse,
} from './route-response.ts';

type Query = Readonly<Record<string, string>>;

interface Route {
  /** The allowed parameters; `null`: any, and all are ignored. */
  readonly query: readonly string[] | null;
  /** @throws IamTokenError */
  respond(dispatch: Dispatch, query: Query): Promise<RouteResponse>;
}

/** By path. Paths are compared without normalization. */
type Routes = Readonly<Record<string, Route>>;

/** @throws IamTokenError */
export async function respondToPath(
  routes: Routes,
  target: string,
  dispatch: Dispatch,
): Promise<RouteResponse> {
  const [path = '', ...queryParts] = target.split('?');
  const route = Object.hasOwn(routes, path) ? routes[path] : undefined;
  if (route === undefined)
    return problemResponse({ code: 'unknown_method', message: `no such path: ${path}` });
  return route.respond(dispatch, route.query === null ? {} : parseQuery(queryParts.join('?'), route.query));
}

function parseQuery(text: string, allowedNames: readonly string[]): Query {
  const query = new URLSearchParams(text);
  const names = [...query.keys()];
  if (names.some((name, position) => !allowedNames.includes(name) || names.indexOf(name) !== position)) {
    const allowedList = allowedNames.length === 0 ? 'no parameters' : `${allowedNames.join(', ')}, each once`;
    throw new IamTokenError({ code: 'bad_request', message: `this path takes ${allowedList}` });
  }
  return Object.fromEntries(query);
}

const noProfileProblem: Problem = {
  code: 'login_required',
  message: 'no profile yet',
  hint: { command: 'login' },
};
const noTokenProblem: Problem = { code: 'unavailable', message: 'no valid token yet' };

const healthRoute: Route = {
  query: [],
  respond: async (dispatch) => jsonResponse(await dispatch('hello', {})),
};

/** Ready means that there is a valid token. @returns why there is none; `null` if there is one */
async function findTokenProblem(dispatch: Dispatch, query: Query): Promise<Problem | null> {
  // By `status`: a probe that calls `token` every second would start exchanges.
  const { profiles } = await dispatchFullStatus(dispatch, query);
  const selectedProfile = profiles.find(({ isDefault }) => isDefault || query['profile'] !== undefined);
  if ((selectedProfile?.timeLeftMs ?? 0) > expiryMarginMs) return null;
  return selectedProfile === undefined ? noProfileProblem : (selectedProfile.problem ?? noTokenProblem);
}

function createReadinessRoute(describe: (problem: Problem) => Problem): Route {
  return {
    query: ['profile'],
    respond: async (dispatch, query) => {
      const problem = await findTokenProblem(dispatch, query);
      return problem === null ? jsonResponse({ ready: true }) : problemResponse(describe(problem), 503);
    },
  };
}

/** Reads the text of `/metrics`. */
type ReadMetrics = () => Promise<string>;

function createMetricsRoute(readMetrics: ReadMetrics): Route {
  // Some scrapers add parameters, such as `collect[]`.
  return { query: null, respond: async () => metricsResponse(await readMetrics()) };
}

/** The paths of the metrics address. Everyone who reaches it may read them, so a problem is given by its code only. */
export function createMetricsRoutes(readMetrics: ReadMetrics): Routes {
  return {
    '/metrics': createMetricsRoute(readMetrics),
    '/healthz': healthRoute,
    '/readyz': createReadinessRoute(({ code }) => ({ code, message: 'no valid token' })),
  };
}

/** The paths of `http.sock`; PROTOCOL.md documents them. */
export const createTokenRoutes = (readMetrics: ReadMetrics): Routes => ({
  '/v1/token': {
    query: ['profile', 'minTtl'],
    respond: async (dispatch, { minTtl, ...profile }) =>
      jsonResponse(
        await dispatch(
          'token',
          minTtl === undefined ? profile : { ...profile, minTtlMs: parseMinTtl(minTtl) },
        ),
      ),
  },
  '/v1/status': {
    query: ['profile'],
    respond: async (dispatch, query) => jsonResponse(await dispatchFullStatus(dispatch, query)),
  },
  '/healthz': healthRoute,
  '/readyz': createReadinessRoute((problem) => problem),
  '/metrics': createMetricsRoute(readMetrics),
});

function parseMinTtl(text: string): number {
  const ms = parseDuration(text);
  if (ms !== null) return ms;
  throw new IamTokenError({
    code: 'bad_request',
    message: `minTtl: "${text}" is not a duration such as 10m`,
  });
}

/** Go's SDK treats 60 s and less as expired. */
const minExpiresInSeconds = 61;
const instancePath = '/computeMetadata/v1/instance';

/**
 * The paths of the metadata service of a virtual machine that SDKs and scripts use, for the default profile: the token
 * (go-sdk, python-sdk, nodejs-sdk, ydb-js-sdk, read 2026-11) and its folder and cloud (telegraf, fluent-bit, scripts).
 */
export function metadataRoutes(clock: Pick<Clock, 'now'>): Routes {
  return {
    [`${instancePath}/service-accounts/default/token`]: {
      query: null,
      // A minute less than the token's lifetime, for clients that use a token to its last second (@ydbjs/auth 6.0.4).
      respond: async (dispatch) => {
        const { token, expiresAt, clockOffsetMs = 0 } = await dispatch('token', {});
        const remainingMs = Date.parse(expiresAt) - clock.now().wallMs - clockOffsetMs;
        const expiresIn = Math.max(Math.floor((remainingMs - expiryMarginMs) / 1_000), minExpiresInSeconds);
        return jsonResponse({ access_token: token, expires_in: expiresIn, token_type: 'Bearer' });
      },
    },
    [`${instancePath}/vendor/folder-id`]: createScopeRoute('folderId'),
    [`${instancePath}/vendor/cloud-id`]: createScopeRoute('cloudId'),
    '/computeMetadata/v1/yandex/folder-id': createScopeRoute('folderId'),
    '/computeMetadata/v1/yandex/cloud-id': createScopeRoute('cloudId'),
  };
}

function createScopeRoute(field: 'cloudId' | 'folderId'): Route {
  return {
    query: null,
    respond: async (dispatch) => {
      const { profiles } = await collectPages((range) => dispatch('profiles', range));
      const value = profiles.find(({ isDefault }) => isDefault)?.[field];
      if (value !== undefined) return textResponse(value);
      return problemResponse({
        code: 'unknown_method',
        message: `the default profile has no ${field === 'cloudId' ? 'cloud' : 'folder'} id`,
        hint: { command: 'login', kind: '', options: '--cloud-id ID --folder-id ID' },
      });
    },
  };
}
