import { systemPaths } from '../../platform/paths.ts';
import { formatTable } from './format-text.ts';

/** For the parser of `iam-tokend`, its `--help` and its manual page. */
export const daemonOptions = {
  config: {
    type: 'string',
    placeholder: 'FILE',
    help: `read this file instead of config.yaml and store profiles.json beside it; ${systemPaths.configFile} selects the system-wide mode`,
  },
  socket: { type: 'string', placeholder: 'PATH', help: 'listen on this socket' },
  store: {
    type: 'string',
    placeholder: 'keychain|file|memory',
    help: 'where to keep credentials: in the keychain (default), in an encrypted file, or in memory only',
  },
  'log-level': {
    type: 'string',
    placeholder: 'error|warn|info|debug',
    help: 'least severe messages to log (default: info)',
  },
  purge: { type: 'boolean', help: 'delete all credentials and all files of iam-tokend, then exit' },
  help: { type: 'boolean', help: 'show this help' },
  version: { type: 'boolean', help: 'show the version' },
} as const satisfies Readonly<
  Record<
    string,
    { readonly type: 'string' | 'boolean'; readonly placeholder?: string; readonly help: string }
  >
>;

/** What `iam-tokend --help` prints. */
export function formatDaemonHelp(): string {
  const rows = Object.entries(daemonOptions).map(([name, option]): readonly [string, string] => [
    'placeholder' in option ? `--${name} ${option.placeholder}` : `--${name}`,
    option.help,
  ]);
  return `Keep a Yandex Cloud credential in the OS keychain and serve IAM tokens to iam-token.

Usage:
  iam-tokend [OPTIONS]

Options
${formatTable(rows).join('\n')}

Examples
  iam-tokend
  iam-tokend --store file --log-level debug

Runs in the foreground. To run it as a service: iam-token install. To log in: iam-token login
`;
}
