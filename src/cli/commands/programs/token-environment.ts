import { requestToken } from '../../../client/request-token.ts';
import type { DaemonStatus, ProfileStatus, TokenResult } from '../../../protocol/method-types.ts';
import { formatTimeSpan } from '../../../shared/duration.ts';
import { IamTokenError } from '../../../shared/errors.ts';
import { daemonHint } from '../../../shared/hint.ts';
import { omitUndefined } from '../../../shared/omit-undefined.ts';
import { isResourceId } from '../../../shared/resource-id.ts';
import { quoteShellWord } from '../../../shared/shell-quoting.ts';
import { usageError } from '../../cli-errors.ts';
import { type CommandContext, profileParamsOf, withDaemon } from '../../command.ts';
import { fetchStatus } from '../../fetch-status.ts';
import { flag } from '../../parsing/options.ts';
import { printTokenWarning } from '../../print-token.ts';
import { escapeControlCharacters } from '../../terminal/escape.ts';
import { printWarning, withProgress } from '../../terminal/terminal.ts';
import { noteShortLifetime, tokenRequestOf } from '../../token-request.ts';

/** Other programs request tokens from this address: it must be on this machine. */
const loopbackPattern = /^(?:127(?:\.\d{1,3}){3}|\[::1\]):\d{1,5}$/;

/** `undefined`: to be removed, so that no token of an outer shell is used. */
export type Variables = Readonly<Record<string, string | undefined>>;

export const metadataOnlyOption = flag(
  'set the metadata address and no token, for SDKs that get their tokens there',
);

/** The variables from which other programs read a token. */
const tokenVariables = ['YC_TOKEN', 'YC_IAM_TOKEN', 'IAM_TOKEN'] as const;

/**
 * The environment variables from which the tools of Yandex Cloud read a token, a cloud and a folder.
 * @throws IamTokenError, also if `--metadata-only` is given and no metadata address serves the profile
 */
export async function fetchTokenEnvironment(context: CommandContext): Promise<Variables> {
  const isMetadataOnly = context.options.has('metadata-only');
  if (isMetadataOnly && context.minTtlMs !== undefined) {
    throw usageError(
      '--min-ttl and --metadata-only cannot be combined: SDKs renew their tokens at the metadata address',
    );
  }
  const result = isMetadataOnly ? null : await fetchToken(context);
  const { profile: name } = result ?? profileParamsOf(context);
  const { daemon, profiles } = await withDaemon(context, (connection, deadline) =>
    fetchStatus(connection, name, deadline),
  );
  const profile = profiles.find(({ isDefault }) => name !== undefined || isDefault);
  const metadataAddress = findMetadataAddress(daemon, profile);
  if (isMetadataOnly && metadataAddress === undefined) throw noMetadataAddressError(daemon, profile);
  return {
    ...Object.fromEntries(tokenVariables.map((variable) => [variable, result?.token])),
    ...omitUndefined({
      YC_CLOUD_ID: validResourceIdOf(profile?.cloudId),
      YC_FOLDER_ID: validResourceIdOf(profile?.folderId),
      YC_METADATA_ADDR: metadataAddress,
      ...(metadataAddress === undefined ? {} : bypassProxy(metadataAddress, context.processContext.env)),
    }),
  };
}

async function fetchToken(context: CommandContext): Promise<TokenResult> {
  const isQuiet = context.options.has('no-user-output');
  const pendingResult = requestLongestToken(context, isQuiet);
  if (isQuiet) return pendingResult;
  const result = await withProgress('a token', pendingResult);
  await printTokenWarning(result, tokenRequestOf(context), context.processContext);
  return result;
}

/** The metadata address serves the default profile only. */
function findMetadataAddress(
  { metadataAddress = '' }: DaemonStatus,
  profile: ProfileStatus | undefined,
): string | undefined {
  const isServed = profile?.isDefault === true && loopbackPattern.test(metadataAddress);
  return isServed ? metadataAddress : undefined;
}

function noMetadataAddressError(
  { metadataAddress }: DaemonStatus,
  profile: ProfileStatus | undefined,
): IamTokenError {
  return metadataAddress !== undefined && profile !== undefined
    ? usageError(
        `the metadata address serves the default profile only, not ${escapeControlCharacters(profile.profile)}`,
        daemonHint(`iam-token use ${quoteShellWord(profile.profile, 'linux')}`),
      )
    : usageError(
        'the metadata address is off',
        'set metadata: { listen: "127.0.0.1:8099" } in config.yaml and restart iam-tokend',
      );
}

/** With a proxy for http in the environment, SDKs would ask it for the metadata address. */
function bypassProxy(address: string, env: CommandContext['processContext']['env']): Variables {
  const isProxySet = ['http_proxy', 'HTTP_PROXY', 'all_proxy', 'ALL_PROXY'].some((variable) => env[variable]);
  if (!isProxySet) return {};
  const host = address.replace(/:\d+$/, '').replaceAll(/[[\]]/g, '');
  const hosts = `${env['no_proxy'] ?? ''},${env['NO_PROXY'] ?? ''}`.split(/[\s,]+/).filter(Boolean);
  const value = [...new Set([...hosts, host])].join(',');
  return { no_proxy: value, NO_PROXY: value };
}

/** A token valid for `--min-ttl`; without one, the longest-lived, with a warning unless `isQuiet`. */
async function requestLongestToken(context: CommandContext, isQuiet: boolean): Promise<TokenResult> {
  const request = tokenRequestOf(context);
  try {
    const result = await requestToken(request, context.processContext);
    if (!isQuiet) noteShortLifetime(result, context);
    return result;
  } catch (error) {
    const { minTtlMs = 0 } = request;
    if (minTtlMs === 0 || !(error instanceof IamTokenError) || error.code !== 'unavailable') throw error;
    const result = await requestToken({ ...request, minTtlMs: 0 }, context.processContext);
    if (isQuiet) return result;
    const { expiresAt, clockOffsetMs = 0 } = result;
    const remainingMs = Date.parse(expiresAt) - clockOffsetMs - context.clock.now().wallMs;
    printWarning(
      `the token is valid for ${formatTimeSpan(remainingMs)} only, not for the requested ${formatTimeSpan(minTtlMs)}`,
    );
    return result;
  }
}

/** Drops a value from the daemon that is not a resource id. */
export function validResourceIdOf(id: string | undefined): string | undefined {
  return id !== undefined && isResourceId(id) ? id : undefined;
}
