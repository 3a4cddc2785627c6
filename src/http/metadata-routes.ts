import type { ProfileSummary } from '../protocol/messages.ts';
import type { Clock } from '../shared/clock.ts';
import { expiryMarginMs } from '../token/iam-token.ts';
import type { Ask } from './ask.ts';
import { failure, json, plain } from './http-answer.ts';
import type { Route, Routes } from './routes.ts';

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
      const value = (await defaultProfile(ask, {}))?.[field];
      if (value !== undefined) return plain(value);
      return failure(
        {
          code: 'unknown_method',
          message: `the default profile has no ${field === 'cloudId' ? 'cloud' : 'folder'}`,
          hint: 'iam-token login with --cloud-id and --folder-id',
        },
        404,
      );
    },
  };
}

async function defaultProfile(
  ask: Ask,
  after: { readonly after?: string },
): Promise<ProfileSummary | undefined> {
  const { profiles, next } = await ask('profiles', after);
  const found = profiles.find(({ isDefault }) => isDefault);
  return found !== undefined || next === null ? found : defaultProfile(ask, { after: next });
}
