import { systemPlaces } from '../platform/places.ts';
import { table } from './help.ts';

/** What `iam-tokend` takes: for its parser, its `--help` and its manual page. */
export const daemonOptions = {
  config: {
    type: 'string',
    placeholder: 'FILE',
    help: `read this instead of config.yaml; its folder holds the list of profiles. ${systemPlaces.configFile} makes it a daemon for the whole system`,
  },
  socket: { type: 'string', placeholder: 'PATH', help: 'listen here' },
  store: {
    type: 'string',
    placeholder: 'keychain|file|memory',
    help: 'where credentials are kept: the keychain unless given, an encrypted file, or memory alone',
  },
  'log-level': {
    type: 'string',
    placeholder: 'error|warn|info|debug',
    help: 'how much is logged; info unless given',
  },
  purge: { type: 'boolean', help: 'forget all credentials, remove what was ever written, and end' },
  help: { type: 'boolean', help: 'this text' },
  version: { type: 'boolean', help: 'the release' },
} as const satisfies Readonly<
  Record<
    string,
    { readonly type: 'string' | 'boolean'; readonly placeholder?: string; readonly help: string }
  >
>;

/** What `--help` prints. */
export function daemonUsage(): string {
  const rows = Object.entries(daemonOptions).map(([name, option]): readonly [string, string] => [
    'placeholder' in option ? `--${name} ${option.placeholder}` : `--${name}`,
    option.help,
  ]);
  return `usage: iam-tokend [OPTIONS]
       iam-tokend --purge

Keeps a Yandex Cloud credential in the OS keychain and serves IAM tokens to iam-token.
Runs in the foreground; log in with: iam-token login

options:
${table(rows).join('\n')}
`;
}
