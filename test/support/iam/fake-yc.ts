import { appendFileSync, chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * How yc responds to the request for a token:
 * - `json`: like current releases; `plain`: text with the token in the last line, like releases without the format;
 * - `browser`: opens a browser, or with `--no-browser` prints the address and waits; `quiet-browser`: prints nothing;
 * - `prompt`: prompts on stderr, and fails without an answer; `waiting-prompt`: waits for the answer;
 * - `late-page`: prints the address of a login page without a line end, and waits;
 * - `unreachable`: a network error that names an endpoint of the login, without a line end;
 * - `refuse`, `fail`: errors of IAM as printed by yc; `junk`, `nothing`, `flood`, `hang`, `killed`.
 */
export type YcBehavior = keyof typeof behaviors;

const json = `printf '{\\n  "iam_token": "%s",\\n  "expires_at": "%s"\\n}\\n' "$token" "$expires"`;
const behaviors = {
  json,
  plain: `echo 'A new version of yc is available.' >&2; echo 'Using profile default'; echo "$token"`,
  browser: `if [ -z "$no_browser" ]; then echo opened >> "$here/browser"; ${json}; exit; fi
echo 'Open https://auth.yandex.cloud/oauth/authorize?client_id=yc in a browser' >&2; exec sleep 1000`,
  'quiet-browser': `if [ -z "$no_browser" ]; then echo opened >> "$here/browser"; ${json}; exit; fi; exec sleep 1000`,
  prompt: `printf 'Do you accept the terms? [Y/n] ' >&2; read -r answer || exit 1`,
  'waiting-prompt': `printf 'Do you accept the terms? [Y/n] ' >&2; exec sleep 1000`,
  'late-page': `printf 'https://auth.yandex.cloud/oauth/authorize?client_id=yc' >&2; exec sleep 1000`,
  unreachable: `printf 'ERROR: Post "https://auth.yandex.cloud/oauth/token": dial tcp: i/o timeout' >&2; exit 1`,
  refuse: `echo 'ERROR: rpc error: code = Unauthenticated desc = The token is invalid' >&2; exit 1`,
  fail: `echo 'ERROR: rpc error: code = Unavailable desc = connection refused' >&2; exit 1`,
  junk: `echo 'canary: <html>'; echo 'no token here'`,
  nothing: '',
  flood: `while :; do echo 0123456789012345678901234567890123456789012345678901234567890123456789; done`,
  hang: `sleep 1000 & echo $! >> "$here/children"; wait`,
  killed: `kill -KILL $$`,
} as const;

/** A fake of the vendor's CLI: a real program with the observed behaviour of yc. */
export interface FakeYc {
  readonly path: string;
  setBehavior(behavior: YcBehavior): void;
  /** The token that it prints from now on. */
  setToken(token: string, expiresAt: string): void;
  /** Like `yc config set`: `cloud-id`, `folder-id`. */
  setConfig(key: string, value: string): void;
  /** The arguments of each run, one line per run. */
  listRuns(): readonly string[];
  /** The environment of the last run, one line per variable. */
  readEnvironment(): readonly string[];
  countBrowsers(): number;
  /** The process id of the last run. */
  readPid(): number;
  /** The child processes that it does not stop itself. */
  listChildPids(): readonly number[];
}

export function createFakeYc(folder: string): FakeYc {
  const path = join(folder, 'yc');
  const filePath = (name: string): string => join(folder, name);
  const readLines = (name: string): readonly string[] =>
    existsSync(filePath(name)) ? readFileSync(filePath(name), 'utf8').trimEnd().split('\n') : [];
  writeFileSync(
    path,
    `#!/bin/sh
here='${folder}'
echo "$*" >> "$here/runs"
env > "$here/environment"
echo $$ > "$here/pid"
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
. "$here/behavior"
`,
  );
  chmodSync(path, 0o755);
  const setBehavior = (behavior: YcBehavior): void =>
    writeFileSync(filePath('behavior'), `${behaviors[behavior]}\n`);
  const setToken = (token: string, expiresAt: string): void => {
    writeFileSync(filePath('token'), token);
    writeFileSync(filePath('expires'), expiresAt);
  };
  setBehavior('json');
  setToken('', '');
  appendFileSync(filePath('runs'), '');
  return {
    path,
    setBehavior,
    setToken,
    setConfig: (key, value) => writeFileSync(filePath(key), `${value}\n`),
    listRuns: () => readLines('runs').filter((line) => line !== ''),
    readEnvironment: () => readLines('environment'),
    countBrowsers: () => readLines('browser').length,
    readPid: () => Number(readLines('pid')[0]),
    listChildPids: () => readLines('children').map(Number),
  };
}
