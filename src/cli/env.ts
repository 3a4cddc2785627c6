import { IamTokenError } from '../client/iam-token-error.ts';
import { requestToken } from '../client/request-token.ts';
import type { TokenAnswer } from '../protocol/messages.ts';
import * as methods from '../protocol/methods.ts';
import { span } from '../shared/duration.ts';
import { given } from '../shared/given.ts';
import { resourceIdPattern } from '../shared/resource-id.ts';
import { quoted } from '../shared/shell-word.ts';
import { ask, type Call, type Command } from './command.ts';
import { print, printWarning, waiting } from './terminal.ts';
import { passOnWarning, tokenRequest } from './token.ts';

/** How each shell sets a variable for its children; within single quotes it reads nothing into a value. */
const assignments = {
  // POSIX, "Single-Quotes": nothing within them is special but their end.
  sh: (name: string, value: string) => `export ${name}=${quoted(value)}`,
  // fishshell.com/docs/current/language.html, "Quotes": \' and \\ are the only escapes there.
  fish: (name: string, value: string) => `set -gx ${name} '${value.replaceAll(/['\\]/g, String.raw`\$&`)}'`,
  // about_Quoting_Rules: a doubled quote stands for one; the parser takes typographic ones for the same.
  powershell: (name: string, value: string) =>
    `$env:${name} = '${value.replaceAll(/['\u2018-\u201b]/g, '$&$&')}'`,
};

export type Shell = keyof typeof assignments;

export function shellText(shell: Shell, variables: Readonly<Record<string, string>>): string {
  return Object.entries(variables)
    .map(([name, value]) => assignments[shell](name, value))
    .join('\n');
}

/** Prints variables for a shell that reads them: `eval "$(iam-token env)"`. */
export const env: Command = async (call) => {
  const usual = call.surroundings.platform === 'win32' ? 'powershell' : 'sh';
  const shell = (call.options.get('shell') ?? usual) as Shell;
  print(shellText(shell, await tokenEnvironment(call)));
};

/** Programs of others will ask there: never another machine. */
const loopbackPattern = /^(?:127(?:\.\d{1,3}){3}|\[::1\]):\d{1,5}$/;

/** What programs look for that know Yandex Cloud, as variables of an environment. */
export async function tokenEnvironment(call: Call): Promise<Readonly<Record<string, string>>> {
  const answer = await waiting('a token', longestToken(call));
  const { token, profile } = answer;
  passOnWarning(answer);
  const { daemon, profiles } = await ask(call, methods.status, { profile });
  // Who asks there gets a token of the default profile.
  const metadataAddress = (profiles[0]?.isDefault === true && daemon.metadataAddress) || '';
  const known = {
    YC_CLOUD_ID: idIn(profiles[0]?.cloudId),
    YC_FOLDER_ID: idIn(profiles[0]?.folderId),
    YC_METADATA_ADDR: loopbackPattern.test(metadataAddress) ? metadataAddress : undefined,
  };
  return { YC_TOKEN: token, YC_IAM_TOKEN: token, IAM_TOKEN: token, ...given(known) };
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
export function idIn(id: string | undefined): string | undefined {
  return id !== undefined && resourceIdPattern.test(id) ? id : undefined;
}
