import type { CommandContext, CommandDefinition } from '../../command.ts';
import { choice, id, profileOption, quietOption, text } from '../../parsing/options.ts';
import { printToken, type TokenFormat } from '../../print-token.ts';
import { formatJsonLine } from '../../terminal/escape.ts';
import { tokenRequestOf } from '../../token-request.ts';

/** As `yc iam create-token` prints it. */
const formats: ReadonlyMap<string, TokenFormat> = new Map(
  Object.entries({
    json: ({ token, expiresAt }) => formatJsonLine({ iam_token: token, expires_at: expiresAt }),
    yaml: ({ token, expiresAt }) =>
      `iam_token: ${formatYamlString(token)}\nexpires_at: ${formatYamlString(expiresAt)}`,
  }),
);

/** Like yc, without quotes around what is a string in every version of YAML; JSON is a quoted string in all of them. */
function formatYamlString(text: string): string {
  return /^[A-Za-z][\w-]*\.[\w.-]+$/.test(text) ? text : formatJsonLine(text);
}

export const createToken: CommandDefinition = {
  name: 'create-token',
  summary: 'replace `yc iam create-token` in scripts',
  options: {
    profile: profileOption,
    format: choice(['text', 'json', 'yaml'], 'print the token alone (default), or with its expiry'),
    'no-user-output': quietOption,
    'impersonate-service-account-id': id(
      'ID',
      'issue a token of this service account, which the profile may impersonate',
    ),
    'folder-id': text('ID', 'accepted as in yc, without effect'),
    'cloud-id': text('ID', 'accepted as in yc, without effect'),
  },
  examples: ['iam-token create-token', 'iam-token create-token --format json'],
  run: runCreateToken,
};

/** Replaces `yc iam create-token`, with its options and its output. */
async function runCreateToken(context: CommandContext): Promise<void> {
  const { options, processContext } = context;
  const format = formats.get(options.get('format') ?? '');
  await printToken(tokenRequestOf(context), processContext, format, options.has('no-user-output'));
}
