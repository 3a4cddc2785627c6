import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createKeytarStore } from '../../src/keychain/keytar-store.ts';
import type { CredentialStore } from '../../src/keychain/credential-store.ts';
import type { Answer } from '../../src/protocol/messages.ts';
import type { Problem } from '../../src/shared/errors.ts';
import { Secret } from '../../src/shared/secret.ts';
import type { PrivateKeyring } from '../support/private-keyring.ts';
import { type PromptWatch, watchPrompts } from '../support/prompt-watch.ts';
import { rawPeer } from '../support/raw-peer.ts';
import { realClock } from '../support/real-clock.ts';
import { oauthToken, type Run, type RunningHouse, startHouse } from '../support/running-house.ts';
import { markdownTable } from '../support/markdown-table.ts';
import { until } from '../support/until.ts';

interface Scene {
  readonly house: RunningHouse;
  readonly keyring: PrivateKeyring;
  /** Holds the item with the credential under `item`. */
  readonly store: CredentialStore;
  readonly item: string;
  /** A folder from which libraries are loaded before all others. */
  readonly libraries: string;
}

interface Day {
  begin(scene: Scene): Promise<void> | void;
  /** What a person does on that day: without it, they ask for a token. */
  person?(scene: Scene): Promise<Run>;
  /** How it ends; the profile serves a token afterwards. */
  end(scene: Scene): Promise<unknown> | void;
}

const login = ({ house }: Scene): Promise<Run> => house.iamToken(['login', '--stdin'], oauthToken);

/** How the table's rows come about, by their first column. */
const days: Readonly<Record<string, Day>> = {
  'no D-Bus session bus': {
    begin: ({ keyring }) => keyring.stopBus(),
    async end({ keyring }) {
      await keyring.startBus();
      await keyring.startService(true);
    },
  },
  'no keychain service': {
    begin: ({ keyring }) => keyring.stopService(),
    end: ({ keyring }) => keyring.startService(true),
  },
  'no keyring has been created yet': {
    async begin({ keyring }) {
      await keyring.stopService();
      rmSync(join(keyring.environment['XDG_DATA_HOME'] ?? '', 'keyrings'), { recursive: true });
      await keyring.startService();
    },
    async end(scene) {
      await scene.keyring.stopService();
      await scene.keyring.startService(true);
      assert.equal((await login(scene)).code, 0);
    },
  },
  'locked at the start, unlocked later': {
    begin: ({ keyring }) => keyring.lock(),
    async end({ house, keyring }) {
      const before = house.emulator.count('POST /iam/v1/tokens');
      await keyring.unlock();
      await untilServed(house);
      assert.equal(house.emulator.count('POST /iam/v1/tokens'), before, 'the kept token is served');
    },
  },
  'locked while the daemon runs': {
    begin: ({ keyring }) => keyring.lock(),
    async end({ house, keyring }) {
      await keyring.unlock();
      await house.iamToken(['refresh']);
      const { stdout } = await house.iamToken();
      await house.stopDaemon();
      await house.startDaemon();
      assert.equal((await house.iamToken()).stdout, stdout, 'it was kept');
    },
  },
  'the prompt of `login` is dismissed': {
    begin: ({ keyring }) => keyring.lock(),
    person: login,
    end: ({ keyring }) => keyring.unlock(),
  },
  'the service is frozen for minutes': {
    begin: ({ keyring }) => keyring.freeze(),
    end: ({ keyring }) => keyring.thaw(),
  },
  'the service is killed while the daemon runs': {
    begin: ({ keyring }) => keyring.stopService(),
    end: ({ keyring }) => keyring.startService(),
  },
  'the service is restarted while the daemon runs': {
    async begin({ keyring }) {
      await keyring.stopService();
      await keyring.startService();
    },
    end: ({ keyring }) => keyring.unlock(),
  },
  'the item is deleted': {
    begin: ({ store, item }) => store.remove(item, 'unasked'),
    end: login,
  },
  'something foreign lies in the item': {
    begin: ({ store, item }) => store.write(item, new Secret('{"v":1,"credential":["junk"]}'), 'unasked'),
    end: login,
  },
  'libsecret is missing': {
    begin: ({ libraries }) => writeFileSync(join(libraries, 'libsecret-1.so.0'), 'no library'),
    end: ({ libraries }) => rmSync(join(libraries, 'libsecret-1.so.0')),
  },
};

interface Row {
  readonly what: string;
  /** Code of the store's problem, or `open`. */
  readonly store: string;
  readonly state: string;
  readonly exitCode: number;
  readonly hint: string;
}

interface Reply {
  readonly id: number;
  readonly result?: unknown;
}

const readme = readFileSync(fileURLToPath(new URL('../../../README.md', import.meta.url)), 'utf8');
const rows = markdownTable(readme, 'When the keychain has a bad day').map(
  ([what = '', store = '', state = '', exitCode = '', hint = '']): Row => ({
    what,
    store: store.replaceAll('`', ''),
    state: state.replaceAll('`', ''),
    exitCode: Number(exitCode),
    hint: hint.replaceAll('`', ''),
  }),
);

/** The answers to requests without parameters, in the order in which they come. */
async function ask({ socketPath }: RunningHouse, ...methods: readonly string[]): Promise<readonly Reply[]> {
  const peer = await rawPeer(socketPath);
  // In one piece, so that all are there before the first is answered.
  peer.socket.cork();
  for (const method of methods) peer.send({ v: 1, id: methods.indexOf(method), method });
  peer.socket.uncork();
  const replies: Reply[] = [];
  while (replies.length < methods.length) replies.push((await peer.next()) as Reply);
  peer.socket.destroy();
  return replies;
}

async function status(house: RunningHouse): Promise<Answer<'status'>> {
  const [reply] = await ask(house, 'status');
  return reply?.result as Answer<'status'>;
}

/** Asks for what waits for the keychain, and then for a token: the token comes first, for it waits for nothing. */
async function assertServedAtOnce(house: RunningHouse): Promise<void> {
  const [first] = await ask(house, 'status', 'token');
  assert.match(JSON.stringify(first), /^\{"v":1,"id":1,"result":\{"token":"t1\./);
}

/** A request has the keychain looked at again, though not more often than every 5 s. */
async function untilServed(house: RunningHouse): Promise<void> {
  await until(async () => (await ask(house, 'token'))[0]?.result !== undefined, 'there is a token again');
}

describe('the table of bad days in README.md', () => {
  it('has each of them once', () => {
    assert.deepEqual(rows.map(({ what }) => what).toSorted(), Object.keys(days).toSorted());
  });
});

describe('the bad days of the keychain, as README.md lists them', function () {
  this.timeout(60_000);
  // keytar may open a prompt of its own where a keyring is locked between our look at it and keytar's call; a machine
  // under heavy load may meet that moment.
  this.retries(2);
  let scene: Scene;
  let watch: PromptWatch;

  beforeEach(async () => {
    const house = await startHouse();
    const { keyring } = house;
    assert.ok(keyring !== null);
    const libraries = join(house.folder, 'libraries');
    mkdirSync(libraries);
    await house.startDaemon();
    assert.equal((await house.iamToken(['login', '--stdin'], oauthToken)).code, 0);
    const { instance, profiles } = JSON.parse(
      readFileSync(join(house.folder, 'config/iam-tokend/profiles.json'), 'utf8'),
    ) as { readonly instance: string; readonly profiles: { readonly default: { readonly slot: string } } };
    scene = {
      house,
      keyring,
      libraries,
      item: `${instance}.${profiles.default.slot}`,
      store: createKeytarStore({
        helperPath: fileURLToPath(new URL('../../bin/keychain-helper.js', import.meta.url)),
        clock: realClock(),
        platform: 'linux',
        environment: house.environment,
      }),
    };
    // Its token is kept behind the login's answer: a keyring that is locked in the middle of that would prompt.
    const { store, item } = scene;
    await until(async () => (await store.read(`${item}.token`, 'unasked')) !== null, 'the token is kept');
  });
  afterEach(async () => {
    await watch.stop();
    await scene.store.close();
    await scene.house.stop();
  });

  for (const { what, store, state, exitCode, hint } of rows) {
    it(`${what}: the profile is ${state}, and nobody is asked`, async () => {
      const { house, keyring, libraries } = scene;
      const day = days[what];
      assert.ok(day !== undefined);
      watch = await watchPrompts(keyring.environment);
      await day.begin(scene);
      await assertServedAtOnce(house);
      assert.equal((await house.iamToken(['refresh'])).code, 0, 'renewal needs no keychain');
      if (state !== 'ok') {
        await house.stopDaemon();
        await house.startDaemon([], { LD_LIBRARY_PATH: libraries });
      }

      const run = await (day.person?.(scene) ?? house.iamToken());
      const { daemon, profiles } = await status(house);
      const found: Problem | null = profiles[0]?.problem ?? daemon.store.problem;
      assert.equal(daemon.store.problem?.code ?? daemon.store.state, store);
      assert.equal(profiles[0]?.state, state);
      if (state !== 'ok') assert.equal(found?.code, state);
      assert.equal(run.code, exitCode, run.stderr);
      const said = exitCode === 0 ? found?.hint : /hint: (.*)/.exec(run.stderr)?.[1];
      assert.ok(said?.startsWith(hint), said);
      if (state === 'ok') await assertServedAtOnce(house);

      assert.equal(watch.prompts.length, day.person === undefined ? 0 : 1);
      await watch.stop();
      await day.end(scene);
      watch = await watchPrompts(keyring.environment);
      await untilServed(house);
      assert.equal(watch.prompts.length, 0);
    });
  }
});
