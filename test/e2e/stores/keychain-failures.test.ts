import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createKeytarStore } from '../../../src/stores/keychain/keytar-store.ts';
import type { CredentialStore } from '../../../src/stores/credential-store.ts';
import type { MethodResult } from '../../../src/protocol/method-types.ts';
import type { WireProblem } from '../../../src/shared/errors.ts';
import { Secret } from '../../../src/shared/secret.ts';
import type { PrivateKeyring } from '../../support/stores/private-keyring.ts';
import { type PromptMonitor, monitorPrompts } from '../../support/stores/prompt-monitor.ts';
import { connectRawPeer } from '../../support/daemon/raw-peer.ts';
import { createRealClock } from '../../support/time/real-clock.ts';
import {
  oauthToken,
  type CommandResult,
  type TestEnvironment,
  startTestEnvironment,
} from '../../support/test-environment.ts';
import { parseMarkdownTable } from '../../support/markdown-table.ts';
import { waitUntil } from '../../support/wait-until.ts';

interface FailureContext {
  readonly testEnv: TestEnvironment;
  readonly keyring: PrivateKeyring;
  /** Holds the credential under `itemKey`. */
  readonly store: CredentialStore;
  readonly itemKey: string;
  /** Replaces libsecret for a daemon that `hideLibsecret` starts. */
  readonly fakeLibrary: string;
}

interface KeychainFailure {
  induce(context: FailureContext): Promise<void> | void;
  /** The command of the user; by default, a request for a token. */
  runCommand?(context: FailureContext): Promise<CommandResult>;
  /** A command that becomes the daemon. */
  launcher?(context: FailureContext): readonly string[];
  /** Whether `status` must wait for the keychain. */
  readonly delaysStatus?: true;
  /** Ends the failure, so that the profile serves a token again. */
  recover(context: FailureContext): Promise<unknown> | void;
}

const logIn = ({ testEnv }: FailureContext): Promise<CommandResult> =>
  testEnv.iamToken(['login', '--stdin'], oauthToken);

/** By the first column of the table. */
const keychainFailures: Readonly<Record<string, KeychainFailure>> = {
  'no D-Bus session bus': {
    induce: ({ keyring }) => keyring.stopBus(),
    async recover({ keyring }) {
      await keyring.startBus();
      await keyring.startService(true);
    },
  },
  'no keychain service': {
    induce: ({ keyring }) => keyring.stopService(),
    recover: ({ keyring }) => keyring.startService(true),
  },
  'no keyring has been created yet': {
    async induce({ keyring }) {
      await keyring.stopService();
      rmSync(join(keyring.environment['XDG_DATA_HOME'] ?? '', 'keyrings'), { recursive: true });
      await keyring.startService();
    },
    async recover(context) {
      await context.keyring.stopService();
      await context.keyring.startService(true);
      assert.equal((await logIn(context)).code, 0);
    },
  },
  'locked at the start, unlocked later': {
    induce: ({ keyring }) => keyring.lock(),
    async recover({ testEnv, keyring }) {
      const before = testEnv.emulator.countRequests('POST /iam/v1/tokens');
      await keyring.unlock();
      await waitUntilServed(testEnv);
      assert.equal(
        testEnv.emulator.countRequests('POST /iam/v1/tokens'),
        before,
        'the stored token is served',
      );
    },
  },
  'locked while the daemon runs': {
    induce: ({ keyring }) => keyring.lock(),
    async recover({ testEnv, keyring }) {
      await keyring.unlock();
      await testEnv.iamToken(['refresh']);
      const { stdout } = await testEnv.iamToken();
      await testEnv.stopDaemon();
      await testEnv.startDaemon();
      assert.equal((await testEnv.iamToken()).stdout, stdout, 'the token was stored');
    },
  },
  'the prompt of `login` is dismissed': {
    induce: ({ keyring }) => keyring.lock(),
    runCommand: logIn,
    recover: ({ keyring }) => keyring.unlock(),
  },
  'the service is frozen for minutes': {
    delaysStatus: true,
    induce: ({ keyring }) => keyring.freeze(),
    recover: ({ keyring }) => keyring.thaw(),
  },
  'the service is killed while the daemon runs': {
    induce: ({ keyring }) => keyring.stopService(),
    recover: ({ keyring }) => keyring.startService(),
  },
  'the service is restarted while the daemon runs': {
    async induce({ keyring }) {
      await keyring.stopService();
      await keyring.startService();
    },
    recover: ({ keyring }) => keyring.unlock(),
  },
  'the item is deleted': {
    induce: ({ store, itemKey }) => store.remove(itemKey, 'background'),
    recover: logIn,
  },
  'the item has unknown contents': {
    induce: ({ store, itemKey }) =>
      store.write(itemKey, new Secret('{"v":1,"credential":["junk"]}'), 'background'),
    recover: logIn,
  },
  'libsecret is missing': {
    induce: ({ fakeLibrary }) => writeFileSync(fakeLibrary, 'no library'),
    launcher: hideLibsecret,
    recover: ({ fakeLibrary }) => writeFileSync(fakeLibrary, readFileSync(findLibsecret())),
  },
};

/** In a mount namespace of its own: the helper does not get `LD_LIBRARY_PATH`. */
function hideLibsecret({ fakeLibrary }: FailureContext): readonly string[] {
  const script = 'mount --bind "$0" "$1" && shift && exec "$@"';
  return ['unshare', '--mount', 'sh', '-c', script, fakeLibrary, findLibsecret()];
}

function findLibsecret(): string {
  const libraries = execFileSync('ldconfig', ['-p'], { encoding: 'utf8' });
  const [, path = ''] = /^\s*libsecret-1\.so\.0 .* => (.*)$/m.exec(libraries) ?? [];
  return realpathSync(path);
}

interface FailureRow {
  readonly title: string;
  /** Code of the store's problem, or `open`. */
  readonly store: string;
  readonly state: string;
  readonly exitCode: number;
  readonly hint: string;
}

interface CallResponse {
  readonly id: number;
  readonly result?: unknown;
}

const troubleshooting = readFileSync(
  fileURLToPath(new URL('../../../../TROUBLESHOOTING.md', import.meta.url)),
  'utf8',
);
const rows = parseMarkdownTable(troubleshooting, 'Keychain failures').map(
  ([title = '', store = '', state = '', exitCode = '', hint = '']): FailureRow => ({
    title,
    store: store.replaceAll('`', ''),
    state: state.replaceAll('`', ''),
    exitCode: Number(exitCode),
    hint: hint.replaceAll('`', ''),
  }),
);

/** The responses to calls without parameters, in the order of arrival. */
async function callMethods(
  { socketPath }: TestEnvironment,
  ...methods: readonly string[]
): Promise<readonly CallResponse[]> {
  const peer = await connectRawPeer(socketPath);
  // In one write, so that all arrive before the first response.
  peer.socket.cork();
  for (const method of methods) peer.send({ v: 1, id: methods.indexOf(method), method });
  peer.socket.uncork();
  const responses: CallResponse[] = [];
  while (responses.length < methods.length) responses.push((await peer.nextData()) as CallResponse);
  peer.socket.destroy();
  return responses;
}

async function readStatus(testEnv: TestEnvironment): Promise<MethodResult<'status'>> {
  const [response] = await callMethods(testEnv, 'status');
  return response?.result as MethodResult<'status'>;
}

/** A token never waits for the keychain. */
async function assertServedImmediately(testEnv: TestEnvironment, delaysStatus = false): Promise<void> {
  const responses = await callMethods(testEnv, 'status', 'token');
  if (delaysStatus)
    assert.equal(responses[0]?.id, 1, 'the token arrives before the status that was requested first');
  const { result } = responses.find(({ id }) => id === 1) ?? {};
  assert.match(JSON.stringify(result), /^\{"token":"t1\./);
}

/** Each request makes the daemon check the keychain again, at most every 5 s. */
async function waitUntilServed(testEnv: TestEnvironment): Promise<void> {
  await waitUntil(
    async () => (await callMethods(testEnv, 'token'))[0]?.result !== undefined,
    'a token is served again',
  );
}

describe('the table of keychain failures in TROUBLESHOOTING.md', () => {
  it('has each failure once', () => {
    assert.deepEqual(rows.map(({ title }) => title).toSorted(), Object.keys(keychainFailures).toSorted());
  });
});

describe('keychain failures, as TROUBLESHOOTING.md lists them', function () {
  // keytar opens a prompt itself if a keyring is locked just before its call, which happens on a machine under heavy load.
  this.retries(2);
  let context: FailureContext;
  let promptMonitor: PromptMonitor;

  beforeEach(async () => {
    const testEnv = await startTestEnvironment();
    const { keyring } = testEnv;
    assert.ok(keyring !== null);
    await testEnv.startDaemon();
    assert.equal((await testEnv.iamToken(['login', '--stdin'], oauthToken)).code, 0);
    const { instance, profiles } = JSON.parse(
      readFileSync(join(testEnv.folder, 'config/iam-tokend/profiles.json'), 'utf8'),
    ) as { readonly instance: string; readonly profiles: { readonly default: { readonly slot: string } } };
    context = {
      testEnv,
      keyring,
      fakeLibrary: join(testEnv.folder, 'libsecret-1.so.0'),
      itemKey: `${instance}.${profiles.default.slot}`,
      store: createKeytarStore({
        helperPath: fileURLToPath(new URL('../../../bin/keychain-helper.js', import.meta.url)),
        clock: createRealClock(),
        platform: 'linux',
        environment: testEnv.environment,
      }),
    };
    // The token is stored after the response to `login`; a keyring that is locked before that would open a prompt.
    const { store, itemKey } = context;
    await waitUntil(
      async () => (await store.read(`${itemKey}.token`, 'background')) !== null,
      'the token is stored',
    );
  });
  afterEach(async () => {
    await promptMonitor.stop();
    await context.store.close();
    await context.testEnv.stop();
  });

  for (const { title, store, state, exitCode, hint } of rows) {
    it(`${title}: the profile is ${state}, without a prompt`, async function () {
      const { testEnv, keyring } = context;
      const failure = keychainFailures[title];
      assert.ok(failure !== undefined);
      if (failure.launcher !== undefined && process.getuid?.() !== 0) this.skip();
      promptMonitor = await monitorPrompts(keyring.environment);
      await failure.induce(context);
      await assertServedImmediately(testEnv, failure.delaysStatus);
      assert.equal((await testEnv.iamToken(['refresh'])).code, 0, 'renewal needs no keychain');
      if (state !== 'ok') {
        await testEnv.stopDaemon();
        await testEnv.startDaemon([], {}, failure.launcher?.(context));
      }

      const run = await (failure.runCommand?.(context) ?? testEnv.iamToken());
      const { daemon, profiles } = await readStatus(testEnv);
      const problem: WireProblem | null = profiles[0]?.problem ?? daemon.store.problem;
      assert.equal(daemon.store.problem?.code ?? daemon.store.state, store);
      assert.equal(profiles[0]?.state, state);
      if (state !== 'ok') assert.equal(problem?.code, state);
      assert.equal(run.code, exitCode, run.stderr);
      const shownHint = exitCode === 0 ? problem?.hint : /hint: (.*)/.exec(run.stderr)?.[1];
      assert.ok(shownHint?.startsWith(hint), shownHint);
      if (state === 'ok') await assertServedImmediately(testEnv, failure.delaysStatus);

      assert.equal(promptMonitor.prompts.length, failure.runCommand === undefined ? 0 : 1);
      await promptMonitor.stop();
      await failure.recover(context);
      promptMonitor = await monitorPrompts(keyring.environment);
      await waitUntilServed(testEnv);
      assert.equal(promptMonitor.prompts.length, 0);
    });
  }
});
