import { IamTokenError } from '../client/iam-token-error.ts';
import * as methods from '../protocol/methods.ts';
import { requestToken, type TokenRequest } from '../client/request-token.ts';
import type { TokenAnswer } from '../protocol/messages.ts';
import { span } from '../shared/duration.ts';
import { resourceIdPattern } from '../shared/resource-id.ts';
import { type Call, withDaemon } from './command.ts';
import { isTerminal, printWarning, waiting } from './terminal.ts';

/** Programs of others will ask there: never another machine. */
const loopbackPattern = /^(?:127(?:\.\d{1,3}){3}|\[::1\]):\d{1,5}$/;

/** Of the token command's request, all that the options of a call say. */
export function tokenRequest({ options }: Call): TokenRequest {
  return {
    profile: options.text('profile'),
    minTtlMs: options.durationMs('min-ttl'),
    impersonateServiceAccountId: options.text('impersonate-service-account-id'),
    socketPath: options.text('socket'),
    timeoutMs: options.durationMs('timeout'),
  };
}

/** What programs look for that know Yandex Cloud, as variables of an environment. */
export async function tokenEnvironment(call: Call): Promise<Readonly<Record<string, string>>> {
  const { token, profile, warning } = await waiting('a token', longestToken(call));
  if (warning !== undefined && isTerminal('stderr')) printWarning(warning.message, warning.hint);
  const { daemon, profiles } = await withDaemon(call, (connection, patience) =>
    connection.ask(methods.status, { profile }, patience),
  );
  // Who asks there gets a token of the default profile.
  const metadataAddress = (profiles[0]?.isDefault === true && daemon.metadataAddress) || '';
  const known = {
    YC_CLOUD_ID: idOr(profiles[0]?.cloudId),
    YC_FOLDER_ID: idOr(profiles[0]?.folderId),
    YC_METADATA_ADDR: loopbackPattern.test(metadataAddress) ? metadataAddress : null,
  };
  const given = Object.entries(known).filter((entry): entry is [string, string] => entry[1] !== null);
  return { YC_TOKEN: token, YC_IAM_TOKEN: token, IAM_TOKEN: token, ...Object.fromEntries(given) };
}

/** One that lives as long as is wanted, or else as long as one does; then it warns. */
async function longestToken(call: Call): Promise<TokenAnswer> {
  const request = tokenRequest(call);
  try {
    return await requestToken(request, call.surroundings);
  } catch (error) {
    const { minTtlMs = 0 } = request;
    if (minTtlMs === 0 || !(error instanceof IamTokenError) || error.code !== 'unavailable') throw error;
    const answer = await requestToken({ ...request, minTtlMs: 0 }, call.surroundings);
    const leftMs = Date.parse(answer.expiresAt) - call.clock.now().wallMs;
    printWarning(`the token lives for ${span(leftMs)}, and ${span(minTtlMs)} were asked for`);
    return answer;
  }
}

/** An id, and nothing else that a daemon may say in the place of one. */
export function idOr(id: string | undefined): string | null {
  return id !== undefined && resourceIdPattern.test(id) ? id : null;
}
