import assert from 'node:assert/strict';
import { problemOf } from '../../src/shared/errors.ts';
import { formatHint } from '../../src/shared/hint.ts';
import { Secret } from '../../src/shared/secret.ts';
import type {
  CredentialKind,
  Installation,
  LoginInput,
  SourceTools,
} from '../../src/sources/credential-kind.ts';
import type { ExchangeFailure, ExchangeOutcome, IamTokenSource } from '../../src/token/token-source.ts';
import type { TestClock } from '../support/time/test-clock.ts';
import { waitUntil } from '../support/wait-until.ts';

/** One credential and the service that accepts it, for one test. */
export interface SourceFixture {
  readonly input: LoginInput;
  readonly installation: Installation;
  readonly tools: SourceTools;
  readonly clock: TestClock;
  /** The subject of the tokens. */
  readonly subject: string;
  /** Parts of the secret, which no message may contain. */
  readonly canaries: readonly string[];
  /** Inputs that `createCredential` must reject. */
  readonly invalidInputs: readonly LoginInput[];
  /** Whether the service accepts this IAM token. */
  isTokenAccepted(token: string): Promise<boolean>;
  /** Makes the service reject the credential from now on. */
  rejectCredential(): void | Promise<void>;
  /** Makes every request fail from now on. */
  failAllRequests(): void;
  /** Makes every request hang from now on. */
  hangAllRequests(): void;
  /** The requests that the service received. */
  countRequests(): number;
  close(): Promise<void>;
}

const never = new AbortController().signal;

/** The promises of `CredentialKind` and `IamTokenSource`, which every kind must keep. */
export function testSourceContract(kind: CredentialKind, createFixture: () => Promise<SourceFixture>): void {
  describe(`the kind of credential ${kind.name}`, () => {
    let fixture: SourceFixture;
    beforeEach(async () => (fixture = await createFixture()));
    afterEach(() => fixture.close());

    const getFixture = (): SourceFixture => fixture;
    testTokens(kind, getFixture);
    testFailures(kind, getFixture);
    testCancellation(kind, getFixture);
    testCredentials(kind, getFixture);
  });
}

function testTokens(kind: CredentialKind, getFixture: () => SourceFixture): void {
  it('returns tokens of its subject that the service accepts and that expire within 12 hours', async () => {
    const fixture = getFixture();
    const outcome = await (await openSource(kind, fixture)).exchange(never, false);
    assert.ok(outcome.ok, JSON.stringify(outcome));
    const { value, subject, expiresAtMs } = outcome.issuedToken;
    assert.equal(subject, fixture.subject);
    assert.ok(await fixture.isTokenAccepted(value.expose()));
    const lifetimeMs = expiresAtMs - fixture.clock.now().wallMs;
    assert.ok(lifetimeMs > 0 && lifetimeMs <= 12 * 60 * 60_000, `${lifetimeMs} ms`);
  });

  it('opens a stored credential after a restart, and exchanges it repeatedly', async () => {
    const fixture = getFixture();
    const text = (await createCredential(kind, fixture)).expose();
    for (let restart = 0; restart < 2; restart += 1) {
      const source = kind.open(new Secret(text), fixture.installation, fixture.tools);
      assert.ok((await source.exchange(never, false)).ok);
      assert.ok((await source.exchange(never, true)).ok);
    }
  });
}

function testFailures(kind: CredentialKind, getFixture: () => SourceFixture): void {
  // A VM sends no credential, and an account may be attached to it at any time.
  const isRetried = kind.name === 'metadata';
  const outcome = isRetried ? 'and as transient' : 'and not as transient';
  it(`fails with a hint if the service rejects the credential, ${outcome}`, async () => {
    const fixture = getFixture();
    const source = await openSource(kind, fixture);
    await fixture.rejectCredential();
    const failure = requireFailure(await source.exchange(never, false), fixture);
    assert.equal(failure.kind === 'transient', isRetried);
    assert.ok(failure.hint !== undefined);
  });

  it('fails as transient if the service is down', async () => {
    const fixture = getFixture();
    const source = await openSource(kind, fixture);
    fixture.failAllRequests();
    assert.equal(requireFailure(await source.exchange(never, false), fixture).kind, 'transient');
  });

  it('fails after its timeout if the service does not respond, and not as terminal', async () => {
    const fixture = getFixture();
    const source = await openSource(kind, fixture);
    fixture.hangAllRequests();
    const before = fixture.countRequests();
    const outcome = source.exchange(never, false);
    await waitUntil(() => fixture.countRequests() > before, 'the service receives the request');
    fixture.clock.advance(20_000);
    assert.notEqual(requireFailure(await outcome, fixture).kind, 'terminal');
  });
}

function testCancellation(kind: CredentialKind, getFixture: () => SourceFixture): void {
  it('ends an exchange that is aborted', async () => {
    const fixture = getFixture();
    const source = await openSource(kind, fixture);
    fixture.hangAllRequests();
    const before = fixture.countRequests();
    const controller = new AbortController();
    const outcome = source.exchange(controller.signal, false);
    await waitUntil(() => fixture.countRequests() > before, 'the service receives the request');
    controller.abort();
    assert.equal(requireFailure(await outcome, fixture).kind, 'transient');
  });

  it('ends an exchange at once if its signal is aborted already', async () => {
    const fixture = getFixture();
    const source = await openSource(kind, fixture);
    fixture.hangAllRequests();
    const outcome = await source.exchange(AbortSignal.abort(), false);
    assert.equal(requireFailure(outcome, fixture).kind, 'transient');
  });
}

function testCredentials(kind: CredentialKind, getFixture: () => SourceFixture): void {
  it('rejects invalid input without a request, and quotes none of it', async () => {
    const fixture = getFixture();
    const before = fixture.countRequests();
    assert.ok(fixture.invalidInputs.length > 0 || kind.name === 'metadata');
    for (const input of fixture.invalidInputs) {
      await assert.rejects(kind.createCredential(input, fixture.installation, fixture.tools), (error) => {
        const problem = problemOf(error);
        assert.equal(problem.code, 'bad_request', problem.message);
        assertSentence(problem.message.replace(/^[A-Z]\S* /, 'it '));
        assert.doesNotMatch(JSON.stringify(problem), /canary/);
        assertNoCanary(JSON.stringify(problem), fixture);
        return true;
      });
    }
    assert.equal(fixture.countRequests(), before);
  });

  it('does not open a credential that another release stored', () => {
    if (kind.name === 'oauth') return; // any text can be an OAuth token
    const { installation, tools } = getFixture();
    for (const text of ['', 'junk', '[]', '{"v":2}']) {
      assert.throws(
        () => kind.open(new Secret(text), installation, tools),
        (error) => problemOf(error).code === 'login_required',
      );
    }
  });

  it('names what stays valid after a logout, with a page or a command that revokes it', async () => {
    const fixture = getFixture();
    const advice = kind.getRevocationAdvice(await createCredential(kind, fixture));
    if (advice === null) return;
    assertSentence(advice.message);
    assert.match(advice.hint, /https:\/\/|^yc /);
    assertNoCanary(`${advice.message} ${advice.hint}`, fixture);
  });
}

function createCredential(
  kind: CredentialKind,
  { input, installation, tools }: SourceFixture,
): Promise<Secret> {
  return kind.createCredential(input, installation, tools);
}

async function openSource(kind: CredentialKind, fixture: SourceFixture): Promise<IamTokenSource> {
  return kind.open(await createCredential(kind, fixture), fixture.installation, fixture.tools);
}

function requireFailure(outcome: ExchangeOutcome<Secret>, fixture: SourceFixture): ExchangeFailure {
  assert.ok(!outcome.ok, 'the exchange fails');
  const { message, hint } = outcome.failure;
  assertSentence(message);
  if (hint !== undefined) assert.notEqual(formatHint(hint), '');
  assertNoCanary(`${message} ${hint === undefined ? '' : formatHint(hint)}`, fixture);
  return outcome.failure;
}

/** One sentence in lower case, except for names, and without a full stop. */
function assertSentence(message: string): void {
  assert.match(message, /^(?:[a-z/]|IAM|OAuth|Yandex)[^\n]*[^.\n]$/);
}

function assertNoCanary(text: string, { canaries }: SourceFixture): void {
  for (const canary of canaries) assert.ok(!text.includes(canary), text);
}
