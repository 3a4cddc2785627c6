import assert from 'node:assert/strict';
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { respondWith, ScriptedDaemon } from '../../../support/daemon/scripted-daemon.ts';
import { type CliResult, runCli } from '../../../support/processes/run-cli.ts';
import { useTemporaryFolder } from '../../../support/temporary-folder.ts';
import { version } from '../../../../src/shared/version.ts';

export const helloResult = { version, protocol: 1 };
const login = { profile: 'default', subject: 'aje0ada', expiresAt: '2026-11-24T22:04:05.000Z' };
export const loggedInOutput = 'logged in as aje0ada; IAM token valid until 2026-11-24 22:04\n';
export const key = '{\n   "id": "ajekey",\n   "private_key": "canary ✓"\n}\n';

export const createStatusResult = (storeKind: string): object => ({
  daemon: {
    version,
    pid: 1,
    startedAt: '2026-11-24T08:00:00.000Z',
    store: { kind: storeKind, state: 'open', problem: null },
  },
  profiles: [],
  next: null,
});

export const acceptLogin = (storeKind: string) =>
  respondWith({ hello: helloResult, login, status: createStatusResult(storeKind) });

/** Set up before each test of the surrounding `describe`. */
export interface LoginRun {
  readonly daemon: () => ScriptedDaemon;
  readonly folder: () => string;
  /** Runs `login` with these arguments. */
  readonly run: (
    args: readonly string[],
    stdin?: string,
    env?: Readonly<Record<string, string>>,
  ) => Promise<CliResult>;
  /** Of the first login that the daemon has received. */
  readonly loginParams: () => unknown;
  readonly assertRejected: (args: readonly string[], message: string, hint?: string) => Promise<void>;
  readonly keyFile: (name?: string, text?: string | Uint8Array, mode?: number) => string;
}

export function useLoginFixture(): LoginRun {
  const folder = useTemporaryFolder();
  let daemon: ScriptedDaemon;

  beforeEach(async () => {
    daemon = await ScriptedDaemon.start(acceptLogin('keychain'));
  });
  afterEach(() => daemon.close());

  const run: LoginRun['run'] = (args, stdin = '', env = {}) =>
    runCli(['login', ...args], { socket: daemon.socketPath, stdin, env });
  const loginParams = (): unknown => daemon.requests.find(({ method }) => method === 'login')?.params;
  return {
    daemon: () => daemon,
    folder,
    run,
    loginParams,
    async assertRejected(args, message, hint) {
      const hintLine = hint === undefined ? '' : `iam-token: hint: ${hint}\n`;
      const stderr = `iam-token: error: ${message}\n${hintLine}`;
      assert.deepEqual(await run(args, key), { stdout: '', stderr, code: 2 });
      assert.equal(loginParams(), undefined);
    },
    keyFile(name = 'key.json', text = key, mode = 0o600) {
      const path = join(folder(), name);
      writeFileSync(path, text);
      chmodSync(path, mode);
      return path;
    },
  };
}
