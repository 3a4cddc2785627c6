import assert from 'node:assert/strict';
import { problemOf } from '../../src/shared/errors.ts';
import { Secret } from '../../src/shared/secret.ts';
import type { CredentialKind, Handed, Installation, SourceTools } from '../../src/sources/credential-kind.ts';
import type { ExchangeFailure, ExchangeOutcome, IamTokenSource } from '../../src/token/ports.ts';
import type { TestClock } from '../support/test-clock.ts';
import { until } from '../support/until.ts';

/** One credential, and the service that knows it, for as long as a test takes. */
export interface SourceHouse {
  readonly handed: Handed;
  readonly installation: Installation;
  readonly tools: SourceTools;
  readonly clock: TestClock;
  /** Whom the credential speaks for. */
  readonly subject: string;
  /** Parts of what is secret: no message may hold one. */
  readonly canaries: readonly string[];
  /** What `accept` must refuse. */
  readonly nonsense: readonly Handed[];
  /** Whether the service takes this IAM token. */
  isTaken(token: string): Promise<boolean>;
  /** From now on the service does not take the credential. */
  refuse(): void | Promise<void>;
  /** From now on the service is down. */
  fail(): void;
  /** From now on the service does not answer. */
  hang(): void;
  /** How often the service was asked. */
  asked(): number;
  close(): Promise<void>;
}

/** What every kind of credential must do, whatever it is made of. */
export function sourceContract(kind: CredentialKind, furnish: () => Promise<SourceHouse>): void {
  describe(`the kind of credential ${kind.name}, as every kind`, () => {
    let house: SourceHouse;
    beforeEach(async () => (house = await furnish()));
    afterEach(() => house.close());

    const never = new AbortController().signal;
    const accepted = (): Promise<Secret> => kind.accept(house.handed, house.installation, house.tools);
    const opened = async (): Promise<IamTokenSource> =>
      kind.open(await accepted(), house.installation, house.tools);
    const exchanged = async (signal = never): Promise<ExchangeOutcome> =>
      (await opened()).exchange(signal, false);

    function failureIn(outcome: ExchangeOutcome): ExchangeFailure {
      assert.ok(!outcome.ok, 'no token comes');
      const { message, hint } = outcome.failure;
      assertSaid(message);
      if (hint !== undefined) assert.notEqual(hint, '');
      assertNoCanary(`${message} ${hint ?? ''}`);
      return outcome.failure;
    }

    /** One sentence, lower case but for names, no full stop. */
    function assertSaid(message: string): void {
      assert.match(message, /^(?:[a-z/]|IAM|OAuth|Yandex)[^\n]*[^.\n]$/);
    }

    function assertNoCanary(text: string): void {
      for (const canary of house.canaries) assert.ok(!text.includes(canary), text);
    }

    it('gives tokens of its subject, which the service takes, and which end within 12 hours', async () => {
      const outcome = await exchanged();
      assert.ok(outcome.ok, JSON.stringify(outcome));
      const { token, subject, expiresAtMs } = outcome.exchanged;
      assert.equal(subject, house.subject);
      assert.ok(await house.isTaken(token.expose()));
      const lifeMs = expiresAtMs - house.clock.now().wallMs;
      assert.ok(lifeMs > 0 && lifeMs <= 12 * 60 * 60_000, `${lifeMs} ms`);
    });

    it('can be opened again from what was kept, and exchanged again and again', async () => {
      const text = (await accepted()).expose();
      for (let restart = 0; restart < 2; restart += 1) {
        const source = kind.open(new Secret(text), house.installation, house.tools);
        assert.ok((await source.exchange(never, false)).ok);
        assert.ok((await source.exchange(never, true)).ok);
      }
    });

    it('says so when the service does not take it', async () => {
      const source = await opened();
      await house.refuse();
      const failure = failureIn(await source.exchange(never, false));
      assert.notEqual(failure.kind, 'transient');
      assert.ok(failure.hint !== undefined, 'and what to do');
    });

    it('takes a service that is down for no refusal', async () => {
      const source = await opened();
      house.fail();
      assert.equal(failureIn(await source.exchange(never, false)).kind, 'transient');
    });

    it('ends when it is given up', async () => {
      const source = await opened();
      house.hang();
      const before = house.asked();
      const controller = new AbortController();
      const outcome = source.exchange(controller.signal, false);
      await until(() => house.asked() > before, 'the service is asked');
      controller.abort();
      assert.equal(failureIn(await outcome).kind, 'transient');
    });

    it('ends at once when it was given up before', async () => {
      const source = await opened();
      house.hang();
      assert.equal(failureIn(await source.exchange(AbortSignal.abort(), false)).kind, 'transient');
    });

    it('ends by itself when the service does not answer', async () => {
      const source = await opened();
      house.hang();
      const before = house.asked();
      const outcome = source.exchange(never, false);
      await until(() => house.asked() > before, 'the service is asked');
      house.clock.advance(20_000);
      assert.notEqual(failureIn(await outcome).kind, 'terminal');
    });

    it('refuses nonsense before anybody is asked, and repeats nothing of it', async () => {
      const before = house.asked();
      assert.ok(house.nonsense.length > 0 || kind.name === 'metadata');
      for (const handed of house.nonsense) {
        await assert.rejects(kind.accept(handed, house.installation, house.tools), (thrown) => {
          const problem = problemOf(thrown);
          assert.equal(problem.code, 'bad_request', problem.message);
          assertSaid(problem.message.replace(/^[A-Z]\S* /, 'it '));
          assert.doesNotMatch(JSON.stringify(problem), /canary/);
          assertNoCanary(JSON.stringify(problem));
          return true;
        });
      }
      assert.equal(house.asked(), before);
    });

    it('does not open what another release kept', () => {
      if (kind.name === 'oauth') return; // any text can be an OAuth token
      for (const text of ['', 'junk', '[]', '{"v":2}']) {
        assert.throws(
          () => kind.open(new Secret(text), house.installation, house.tools),
          (thrown) => problemOf(thrown).code === 'login_required',
        );
      }
    });

    it('says what a logout leaves behind, in words and with what to do', async () => {
      const advice = kind.revocationAdvice(await accepted());
      if (advice === null) return;
      assertSaid(advice.message);
      assert.match(advice.hint, /https:\/\/|^yc /);
      assertNoCanary(`${advice.message} ${advice.hint}`);
    });
  });
}
