import assert from 'node:assert/strict';
import { type Emulator, startEmulator } from '../emulator/emulator.ts';
import { Secret } from '../../src/shared/secret.ts';
import type { HttpClient } from '../../src/shared/http-client.ts';
import { createAwsKeySource, createImpersonatedSource } from '../../src/sources/derived-sources.ts';
import { exchangeAwake } from '../../src/sources/exchange-awake.ts';
import { oauthKind } from '../../src/sources/kinds/oauth.ts';
import { serviceAccountKeyKind } from '../../src/sources/kinds/service-account-key.ts';
import type { ExchangeOutcome, TokenSource } from '../../src/token/token-source.ts';
import { createSourceTools } from '../support/iam/source-tools.ts';
import { formatKeyFile, getTestKey } from '../support/iam/test-keys.ts';
import { createDirectHttpClient } from '../support/network/http-client-fixture.ts';
import { createTestClock, type TestClock } from '../support/time/test-clock.ts';

const never = new AbortController().signal;
const key = getTestKey();
const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const tokensPath = '/iam/v1/tokens';
const impersonationPath = '/iam/v1/tokens:createForServiceAccount';
const awsKeysPath = '/iam/aws-compatibility/v1/ephemeralAccessKeys';

/** By which clocks a machine can tell that it slept: the monotonic one stops on Linux, and goes on elsewhere. */
const sleepByPlatform = {
  'with a monotonic clock that stops': (clock: TestClock, sleptMs: number) => clock.jump(sleptMs),
  'with a monotonic clock that goes on': (clock: TestClock, sleptMs: number) => clock.advance(sleptMs),
};

for (const [name, sleepFor] of Object.entries(sleepByPlatform)) {
  describe(`an exchange of a machine that sleeps, ${name}`, () => {
    let clock: TestClock;
    let emulator: Emulator;
    /** Before the next requests to this path. */
    let sleeps: { readonly path: string; readonly sleptMs: number }[];

    beforeEach(async () => {
      clock = createTestClock();
      emulator = await startEmulator({
        clock,
        oauthAccounts: [{ token: 'y0_person', subject: 'ajeperson' }],
      });
      emulator.allowKey(key);
      emulator.allowImpersonation('ajeperson', key.serviceAccountId);
      sleeps = [];
    });
    afterEach(() => emulator.close());

    const installation = () => ({ endpoint: emulator.url, audience: `${emulator.url}${tokensPath}` });
    const listStatuses = () => emulator.listRequests().map(({ path, status }) => `${path} ${status}`);
    const exchange = <Value>(source: TokenSource<Value>): Promise<ExchangeOutcome<Value>> =>
      exchangeAwake(source, clock, never, false).then(({ outcome }) => outcome);

    function createTools() {
      const direct = createDirectHttpClient();
      const http: HttpClient = {
        send: (request) => {
          const [sleep] = sleeps;
          if (sleep !== undefined && new URL(request.url).pathname === sleep.path) {
            sleeps.shift();
            sleepFor(clock, sleep.sleptMs);
          }
          // Not the deadline of the request: a response may be there when the machine wakes.
          return direct.send(request, never);
        },
      };
      return createSourceTools({ clock, http });
    }

    async function openKeySource() {
      const tools = createTools();
      const input = { secret: formatKeyFile(key), settings: {} };
      const credential = await serviceAccountKeyKind.createCredential(input, installation(), tools);
      return serviceAccountKeyKind.open(credential, installation(), tools);
    }

    it('is repeated with a new JWT, if the first one expired before it was sent', async () => {
      sleeps = [{ path: tokensPath, sleptMs: 10 * minuteMs }];
      const outcome = await exchange(await openKeySource());
      assert.ok(outcome.ok);
      assert.equal(emulator.subjectOfValidToken(outcome.issuedToken.value.expose()), key.serviceAccountId);
      assert.deepEqual(listStatuses(), [`${tokensPath} 401`, `${tokensPath} 200`]);
    });

    it('is a transient failure if the machine sleeps twice', async () => {
      const tenMinutes = { path: tokensPath, sleptMs: 10 * minuteMs };
      sleeps = [tenMinutes, tenMinutes];
      const source = await openKeySource();
      const outcome = await exchange(source);
      assert.ok(!outcome.ok);
      assert.equal(outcome.failure.kind, 'transient');
      assert.match(outcome.failure.message, /^the machine slept during the request: IAM rejected/);
      assert.equal(outcome.failure.hint, undefined, 'no login helps');
      assert.equal((await exchange(source)).ok, true);
    });

    it('is repeated with a new token, if that of the account that impersonates another expired', async () => {
      const tools = createTools();
      sleeps = [{ path: impersonationPath, sleptMs: 13 * hourMs }];
      const base = oauthKind.open(new Secret('y0_person'), installation(), tools);
      const outcome = await exchange(
        createImpersonatedSource(base, key.serviceAccountId, installation(), tools),
      );
      assert.ok(outcome.ok);
      assert.equal(emulator.subjectOfValidToken(outcome.issuedToken.value.expose()), key.serviceAccountId);
    });

    it('is repeated with a new token, if that for AWS keys expired', async () => {
      const tools = createTools();
      sleeps = [{ path: awsKeysPath, sleptMs: 13 * hourMs }];
      const base = oauthKind.open(new Secret('y0_person'), installation(), tools);
      const outcome = await exchange(createAwsKeySource(base, installation(), tools));
      assert.ok(outcome.ok);
      assert.deepEqual(listStatuses().slice(-2), [`${tokensPath} 200`, `${awsKeysPath} 200`]);
    });

    it('is rejected for good if the credential is still rejected', async () => {
      sleeps = [{ path: tokensPath, sleptMs: 10 * minuteMs }];
      const source = await openKeySource();
      emulator.deleteKey(key.id);
      const outcome = await exchange(source);
      assert.ok(!outcome.ok && outcome.failure.kind === 'terminal');
      assert.equal(listStatuses().length, 2);
    });

    it('is not repeated without sleep', async () => {
      sleeps = [{ path: tokensPath, sleptMs: minuteMs }];
      const source = await openKeySource();
      emulator.deleteKey(key.id);
      const outcome = await exchange(source);
      assert.ok(!outcome.ok && outcome.failure.kind === 'terminal');
      assert.equal(listStatuses().length, 1);
    });

    it('tells when the repetition began, for the estimate of the clock', async () => {
      sleeps = [{ path: tokensPath, sleptMs: 10 * minuteMs }];
      const beforeMs = clock.now().wallMs;
      const { startedAt } = await exchangeAwake(await openKeySource(), clock, never, false);
      assert.equal(startedAt.wallMs - beforeMs, 10 * minuteMs);
    });
  });
}

describe('a rejected exchange that returned another credential', () => {
  it('is not repeated before that is stored', async () => {
    const clock = createTestClock();
    let count = 0;
    const replacement = new Secret('new');
    const source: TokenSource<never> = {
      async exchange() {
        count += 1;
        clock.jump(10 * minuteMs);
        return { ok: false, failure: { kind: 'terminal', message: 'no' }, replacement };
      },
    };
    const { outcome } = await exchangeAwake(source, clock, never, false);
    assert.ok(!outcome.ok && outcome.failure.kind === 'transient');
    assert.equal(outcome.replacement, replacement);
    assert.equal(count, 1);
  });
});
