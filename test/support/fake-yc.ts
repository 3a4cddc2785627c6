import { appendFileSync, chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * What a yc may do when it is asked for a token:
 * - `json`: as today's; `plain`: words, and the token in the last line, as one that does not know the format;
 * - `browser`: opens one, or with `--no-browser` says where to log in, and waits; `quiet-browser`: waits without a word;
 * - `prompt`: asks on stderr, and fails as nobody answers;
 * - `refuse`, `fail`: as yc passes IAM's errors on; `junk`, `nothing`, `flood`, `hang`, `killed`.
 */
export type YcManner = keyof typeof manners;

const json = `printf '{\\n  "iam_token": "%s",\\n  "expires_at": "%s"\\n}\\n' "$token" "$expires"`;
const manners = {
  json,
  plain: `echo 'A new version of yc is there.' >&2; echo 'Using profile default'; echo "$token"`,
  browser: `if [ -z "$no_browser" ]; then echo opened >> "$here/browser"; ${json}; exit; fi
echo 'Open https://auth.yandex.cloud/oauth/authorize?client_id=yc in a browser' >&2; exec sleep 1000`,
  'quiet-browser': `if [ -z "$no_browser" ]; then echo opened >> "$here/browser"; ${json}; exit; fi; exec sleep 1000`,
  prompt: `printf 'Do you accept the terms? [Y/n] ' >&2; read -r answer || exit 1`,
  refuse: `echo 'ERROR: rpc error: code = Unauthenticated desc = The token is invalid' >&2; exit 1`,
  fail: `echo 'ERROR: rpc error: code = Unavailable desc = connection refused' >&2; exit 1`,
  junk: `echo 'canary: <html>'; echo 'no token here'`,
  nothing: '',
  flood: `while :; do echo 0123456789012345678901234567890123456789012345678901234567890123456789; done`,
  hang: `sleep 1000 & echo $! >> "$here/children"; wait`,
  killed: `kill -KILL $$`,
} as const;

/** A stand-in for the vendor's CLI: a program of its own, that does as the real one was seen to. */
export interface FakeYc {
  readonly path: string;
  behave(manner: YcManner): void;
  /** What it gives from now on. */
  give(token: string, expiresAt: string): void;
  /** As `yc config set` does: `cloud-id`, `folder-id`. */
  configure(key: string, value: string): void;
  /** The arguments of each run, in one line each. */
  runs(): readonly string[];
  /** The environment of the last run, a line each. */
  environment(): readonly string[];
  browsersOpened(): number;
  /** Process ids that it started and does not end itself. */
  children(): readonly number[];
}

export function fakeYc(folder: string): FakeYc {
  const path = join(folder, 'yc');
  const at = (name: string): string => join(folder, name);
  const lines = (name: string): readonly string[] =>
    existsSync(at(name)) ? readFileSync(at(name), 'utf8').trimEnd().split('\n') : [];
  writeFileSync(
    path,
    `#!/bin/sh
here='${folder}'
echo "$*" >> "$here/runs"
env > "$here/environment"
[ -t 0 ] && exit 99
no_browser=
for argument; do [ "$argument" = --no-browser ] && no_browser=1; done
if [ "$1 $2" = 'config get' ]; then
  [ -f "$here/$3" ] || { echo "ERROR: \\"$3\\" is not set" >&2; exit 1; }
  cat "$here/$3"
  exit
fi
[ "$1 $2 $3" = 'iam create-token --no-user-output' ] || { echo "ERROR: unknown command" >&2; exit 2; }
token=$(cat "$here/token")
expires=$(cat "$here/expires")
. "$here/manner"
`,
  );
  chmodSync(path, 0o755);
  const behave = (manner: YcManner): void => writeFileSync(at('manner'), `${manners[manner]}\n`);
  const give = (token: string, expiresAt: string): void => {
    writeFileSync(at('token'), token);
    writeFileSync(at('expires'), expiresAt);
  };
  behave('json');
  give('', '');
  appendFileSync(at('runs'), '');
  return {
    path,
    behave,
    give,
    configure: (key, value) => writeFileSync(at(key), `${value}\n`),
    runs: () => lines('runs').filter((line) => line !== ''),
    environment: () => lines('environment'),
    browsersOpened: () => lines('browser').length,
    children: () => lines('children').map(Number),
  };
}
