import assert from 'node:assert/strict';
import type { Profile } from '../../src/daemon/profile.ts';
import type { ErrorCode } from '../../src/shared/errors.ts';
import type { HttpClient } from '../../src/shared/http-client.ts';
import { refused } from '../support/fake-iam.ts';
import {
  codeOf,
  login,
  refreshed,
  type Running,
  startProfiles,
  tokenOf,
  type World,
  world,
} from '../support/profiles-fixture.ts';
import { sourceTools } from '../support/source-tools.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const hour = 60 * 60_000;
const account = 'ajesa00000000000001';

describe('a service account as which a profile acts for single calls', () => {
  const folder = temporaryFolder();
  let here: World;
  let running: Running;
  let base: Profile;
  /** `account by token`, as IAM was asked. */
  let asked: string[];
  let granted: boolean;

  const http: HttpClient = {
    async send({ url, headers, body }) {
      assert.equal(url, 'https://iam.example.net/iam/v1/tokens:createForServiceAccount');
      const { serviceAccountId } = JSON.parse(body ?? '') as { readonly serviceAccountId: string };
      asked.push(`${serviceAccountId} by ${headers['authorization']?.replace('Bearer ', '')}`);
      const expiresAt = new Date(here.clock.now().wallMs + 12 * hour).toISOString();
      const iamToken = `t1.${serviceAccountId}.${asked.length}`;
      return granted
        ? { status: 200, headers: new Map(), body: JSON.stringify({ iamToken, expiresAt }) }
        : { status: 403, headers: new Map(), body: '{"code":7,"message":"Permission denied"}' };
    },
  };

  beforeEach(async () => {
    here = world(folder());
    asked = [];
    granted = true;
    running = startProfiles(here, { tools: sourceTools({ http, clock: here.clock }) });
    base = await login(running, 'a');
  });

  const token = (id = account): Promise<string> => tokenOf(running.profiles.acting(undefined, id));
  const failure = (id = account): Promise<string> => codeOf(token(id));
  const pass = async (hours: number): Promise<void> => {
    for (let gone = 0; gone < hours; gone += 1) {
      here.clock.advance(hour);
      await settle();
    }
  };
  const settle = async (): Promise<void> => {
    for (let turn = 0; turn < 20; turn += 1) await new Promise(setImmediate);
  };

  it('has tokens by way of the token that the profile has, and each for a while', async () => {
    assert.equal(await token(), `t1.${account}.1`);
    assert.equal(await token(), `t1.${account}.1`);
    assert.deepEqual(asked, [`${account} by t1.a.1`]);
    assert.equal(here.iam.exchanges.length, 1, 'the profile was not exchanged for it');
  });

  it('is one of several, each with tokens of its own', async () => {
    assert.notEqual(await token('ajeother'), await token());
    assert.equal(asked.length, 2);
  });

  it('says its own profile, and leaves the token of that alone', async () => {
    const runner = running.profiles.acting(undefined, account);
    await tokenOf(runner);
    await settle();
    assert.equal(runner.name, 'default');
    assert.equal(await tokenOf(base), 't1.a.1');
    assert.equal(here.store.keys().length, 2, 'nothing of it is stored');
    assert.deepEqual(here.announced, ['rotated default']);
  });

  it('is forgotten when the daemon is locked, and begins anew after that', async () => {
    const runner = running.profiles.acting(undefined, account);
    await tokenOf(runner);
    await running.profiles.lock();
    assert.equal(runner.state.token, null);
    assert.throws(() => running.profiles.acting(undefined, account), /the daemon is locked/);
    await running.profiles.unlock(null);
    assert.equal(await token(), `t1.${account}.2`);
  });

  it('is renewed while it is asked for, and forgotten a day after the last request', async () => {
    await token();
    await pass(23);
    const renewals = asked.length;
    assert.ok(renewals > 20, `${renewals} exchanges in a day`);
    await token();
    await pass(25);
    const before = asked.length;
    await pass(24);
    assert.equal(asked.length, before);
    assert.match(await token(), new RegExp(`^t1\\.${account}\\.`));
    assert.equal(asked.length, before + 1);
  });

  it('is refused without the role, and tried again when the profile is renewed or somebody asks for that', async () => {
    granted = false;
    assert.equal(await failure(), 'login_required');
    assert.equal(await failure(), 'login_required');
    assert.equal(asked.length, 1, 'a refusal is believed');
    granted = true;
    here.clock.advance(1_000);
    await refreshed(base);
    assert.equal(await token(), `t1.${account}.2`);
  });

  it('needs what the profile needs', async () => {
    here.iam.respond = (exchange) => exchange.fail(refused);
    here.clock.advance(12 * hour);
    await settle();
    assert.equal(await failure(), 'login_required');
    assert.equal(asked.length, 0);
  });

  const closed: readonly ErrorCode[] = ['keychain_locked', 'keychain_unavailable'];
  for (const code of closed) {
    it(`says ${code} where the profile does`, async () => {
      here.store.failWith(code);
      running = startProfiles(here, { tools: sourceTools({ http, clock: here.clock }) });
      await running.profiles.load();
      assert.equal(await failure(), code);
      here.store.failWith(null);
      for (let times = 0; times < 2; times += 1) {
        here.clock.advance(30_000);
        await settle();
      }
      assert.equal(await token(), `t1.${account}.1`);
    });
  }

  it('goes with the login that it was by way of', async () => {
    await token();
    await login(running, 'b');
    assert.equal(await token(), `t1.${account}.2`);
    assert.equal(asked.at(-1), `${account} by t1.b.2`);
    await running.profiles.logout();
    assert.throws(() => running.profiles.acting(undefined, account), /nobody is logged in/);
  });

  it('is forgotten when the daemon is locked', async () => {
    await token();
    await running.profiles.lock();
    assert.throws(() => running.profiles.acting(undefined, account), /the daemon is locked/);
    await running.profiles.unlock(null);
    assert.equal(await token(), `t1.${account}.2`);
  });

  it('makes room for another when there are 64', async () => {
    for (let n = 0; n <= 64; n += 1) await token(`aje${n}`);
    await token('aje64');
    assert.equal(asked.length, 65, 'the newest is still known');
    await token('aje0');
    assert.equal(asked.length, 66, 'the oldest is not');
  });

  it('ends with the daemon', async () => {
    await token();
    const before = asked.length;
    await running.profiles.stop();
    await pass(24);
    assert.equal(asked.length, before);
  });
});
