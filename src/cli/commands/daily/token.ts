import type { CommandContext, CommandDefinition } from '../../command.ts';
import { choice, duration, minTtlRange, profileOption, quietOption } from '../../parsing/options.ts';
import { printToken, type TokenFormat } from '../../print-token.ts';
import { formatJsonLine } from '../../terminal/escape.ts';
import { noteShortLifetime, tokenRequestOf } from '../../token-request.ts';

export const token: CommandDefinition = {
  name: '',
  summary: 'print a valid Yandex Cloud IAM token, kept fresh by iam-tokend',
  options: {
    profile: profileOption,
    'min-ttl': duration(minTtlRange, 'require at least this lifetime, such as 10m; at most 12h'),
    format: choice(
      ['text', 'json', 'header', 'none'],
      'print the token alone (default), one line of JSON, an Authorization header, or nothing, for scripts that check the exit code only',
    ),
    'no-user-output': quietOption,
  },
  examples: [
    'iam-token --format header | curl -H @- https://resource-manager.api.cloud.yandex.net/resource-manager/v1/clouds',
  ],
  run: runToken,
};

const formats: ReadonlyMap<string, TokenFormat> = new Map(
  Object.entries({
    json: formatJsonLine,
    header: ({ token }) => `Authorization: Bearer ${token}`,
    none: () => null,
  }),
);

async function runToken(context: CommandContext): Promise<void> {
  const { options, processContext } = context;
  const isQuiet = options.has('no-user-output');
  const format = formats.get(options.get('format') ?? '');
  const result = await printToken(tokenRequestOf(context), processContext, format, isQuiet);
  if (!isQuiet) noteShortLifetime(result, context);
}
