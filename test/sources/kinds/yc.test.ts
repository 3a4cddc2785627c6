import assert from 'node:assert/strict';
import { chmodSync, rmSync, writeFileSync } from 'node:fs';
import { createProgramRunner } from '../../../src/adapters/child-process.ts';
import { isExecutable } from '../../../src/platform/process-context.ts';
import type { Secret } from '../../../src/shared/secret.ts';
import type { LoginInput, SourceTools } from '../../../src/sources/credential-kind.ts';
import { ycKind } from '../../../src/sources/kinds/yc.ts';
import type { ExchangeFailure, ExchangeOutcome } from '../../../src/token/token-source.ts';
import { createFakePrograms } from '../../support/processes/fake-programs.ts';
import { type FakeYc, createFakeYc, type YcBehavior } from '../../support/iam/fake-yc.ts';
import { readProcFile } from '../../support/processes/process-table.ts';
import { createScriptedHttp } from '../../support/iam/scripted-http.ts';
import { createSourceTools } from '../../support/iam/source-tools.ts';
import { useTemporaryFolder } from '../../support/temporary-folder.ts';
import { type TestClock, createTestClock } from '../../support/time/test-clock.ts';
import { waitUntil } from '../../support/wait-until.ts';

const nowMs = Date.UTC(2026, 10, 24, 12);
const installation = { endpoint: 'https://iam.test', audience: 'unused' };
const never = new AbortController().signal;
const token = 't1.payload.signature';
const refreshHint = { command: 'refresh' };

describe('yc', () => {
  const folder = useTemporaryFolder();
  let yc: FakeYc;
  let clock: TestClock;
  let tools: SourceTools;

  beforeEach(() => {
    yc = createFakeYc(folder());
    yc.setToken(token, '2026-11-24T20:00:00.123456789Z');
    clock = createTestClock(nowMs);
    const env = {
      PATH: process.env['PATH'],
      HOME: folder(),
      DISPLAY: ':0',
      WAYLAND_DISPLAY: 'wayland-0',
      YC_TOKEN: 'canary',
      YC_IAM_TOKEN: 'canary',
      IAM_TOKEN: 'canary',
      IAM_TOKEND_SOCKET: 'canary',
    };
    const context = { platform: process.platform, env, home: () => folder() };
    tools = createSourceTools({ clock, programs: createProgramRunner(context, clock, isExecutable) });
  });

  const createInput = (overrides: Readonly<Record<string, string>> = {}): LoginInput => ({
    settings: { path: yc.path, ...overrides },
  });

  async function exchange(
    interactive = false,
    input = createInput(),
    signal = never,
  ): Promise<ExchangeOutcome<Secret>> {
    const credential = await ycKind.createCredential(input, installation, tools);
    return ycKind.open(credential, installation, tools).exchange(signal, interactive);
  }

  async function exchangeFailure(behavior: YcBehavior, interactive = false): Promise<ExchangeFailure> {
    yc.setBehavior(behavior);
    const outcome = await exchange(interactive);
    assert.ok(!outcome.ok);
    assert.doesNotMatch(JSON.stringify(outcome), /canary/);
    return outcome.failure;
  }

  it('returns the token and the expiry of its JSON output', async () => {
    const outcome = await exchange();
    assert.ok(outcome.ok);
    assert.equal(outcome.issuedToken.value.expose(), token);
    assert.equal(outcome.issuedToken.expiresAtMs, Date.UTC(2026, 10, 24, 20, 0, 0, 123));
    assert.deepEqual(yc.listRuns(), ['iam create-token --no-user-output --format=json --no-browser']);
  });

  it('uses a given profile, and may open a browser if it is interactive', async () => {
    assert.ok((await exchange(true, createInput({ profile: 'work; rm -rf' }))).ok);
    assert.deepEqual(yc.listRuns(), [
      'iam create-token --no-user-output --format=json --profile=work; rm -rf',
    ]);
  });

  it('may print the token alone in its last line, which then counts for ten minutes', async () => {
    yc.setBehavior('plain');
    const outcome = await exchange();
    assert.ok(outcome.ok);
    assert.equal(outcome.issuedToken.value.expose(), token);
    assert.equal(outcome.issuedToken.expiresAtMs, nowMs + 10 * 60_000);
  });

  it('may print an invalid expiry, then the token counts for ten minutes', async () => {
    yc.setToken(token, 'soon');
    const outcome = await exchange();
    assert.ok(outcome.ok && outcome.issuedToken.expiresAtMs === nowMs + 10 * 60_000);
  });

  it('gets an environment without YC_* and IAM_TOKEN*, and without a display in the background', async () => {
    await exchange(false);
    const backgroundEnvironment = yc.readEnvironment();
    assert.deepEqual(
      backgroundEnvironment.filter((line) => /^(?:YC_|IAM_TOKEN)/.test(line)),
      [`IAM_TOKEN_YC_BEHIND=${yc.path}`, 'YC_CLI_INITIALIZATION_SILENCE=true'],
    );
    assert.ok(backgroundEnvironment.includes(`HOME=${folder()}`));
    assert.ok(
      backgroundEnvironment.includes('BROWSER=false') &&
        !backgroundEnvironment.some((line) => line.includes('DISPLAY=')),
    );
    await exchange(true);
    assert.ok(yc.readEnvironment().includes('DISPLAY=:0') && !yc.readEnvironment().includes('BROWSER=false'));
  });

  it('opens a browser if it is interactive, and never in the background', async () => {
    yc.setBehavior('browser');
    assert.deepEqual(await exchange(false), {
      ok: false,
      failure: {
        kind: 'interaction_required',
        message: 'yc requires a login in a browser',
        hint: refreshHint,
      },
    });
    assert.equal(yc.countBrowsers(), 0);
    assert.ok((await exchange(true)).ok);
    assert.equal(yc.countBrowsers(), 1);
  });

  describe('that hangs', () => {
    async function exchangeUntilTimeout(
      behavior: YcBehavior,
      interactive: boolean,
    ): Promise<ExchangeFailure> {
      // A service that responds says nothing about what yc waits for.
      tools = { ...tools, http: createScriptedHttp({}) };
      yc.setBehavior(behavior);
      const outcome = exchange(interactive);
      await waitUntil(() => yc.listRuns().length > 0, 'yc runs');
      // Its output is in the pipe once it sleeps, and read after the next turn of the event loop.
      await waitUntil(
        () => readProcFile(yc.readPid(), 'cmdline').startsWith('sleep') || yc.listChildPids().length > 0,
        'yc waits',
      );
      await new Promise(setImmediate);
      clock.advance(interactive ? 110_000 : 20_000);
      const settled = await outcome;
      assert.ok(!settled.ok);
      return settled.failure;
    }

    it('E3: without output fails as transient, so that renewal goes on', async () => {
      const { kind, message } = await exchangeUntilTimeout('quiet-browser', false);
      assert.deepEqual([kind, message], ['transient', 'yc did not finish within 20 s']);
    });

    it('E3: without output fails as transient after 110 s if it is interactive', async () => {
      const { kind, message } = await exchangeUntilTimeout('hang', true);
      assert.deepEqual([kind, message], ['transient', 'yc did not finish within 110 s']);
    });

    for (const behavior of ['waiting-prompt', 'late-page'] as const) {
      it(`E3: after a ${behavior} requires interaction`, async () => {
        const { kind, message, hint } = await exchangeUntilTimeout(behavior, false);
        assert.deepEqual(
          [kind, message, hint],
          ['interaction_required', 'yc did not finish within 20 s; it waits for input', refreshHint],
        );
      });
    }
  });

  it('is killed with its child processes when the exchange is aborted', async () => {
    yc.setBehavior('hang');
    const controller = new AbortController();
    const outcome = exchange(false, createInput(), controller.signal);
    await waitUntil(() => yc.listChildPids().length > 0, 'yc starts a child');
    controller.abort();
    assert.ok(!(await outcome).ok);
    const [child = 0] = yc.listChildPids();
    await waitUntil(() => readProcFile(child, 'cmdline') === '', 'the child has ended');
  });

  const rows: readonly (readonly [YcBehavior, ExchangeFailure['kind'], RegExp])[] = [
    ['refuse', 'terminal', /^yc failed with exit code 1: ERROR: rpc error: code = Unauthenticated/],
    ['fail', 'transient', /^yc failed with exit code 1: ERROR: rpc error: code = Unavailable/],
    ['prompt', 'interaction_required', /^yc failed with exit code 1: Do you accept the terms\? \[Y\/n\]$/],
    ['unreachable', 'transient', /^yc failed with exit code 1: ERROR: Post .* dial tcp: i\/o timeout$/],
    ['junk', 'transient', /^the last line of the output of yc is not a token$/],
    ['nothing', 'transient', /^yc printed no token and no message$/],
    ['flood', 'transient', /^yc printed more than 64 KiB$/],
    ['killed', 'transient', /^yc was killed by SIGKILL$/],
  ];
  for (const [behavior, kind, message] of rows) {
    it(`fails with the behavior ${behavior}`, async () => {
      const actual = await exchangeFailure(behavior);
      assert.equal(actual.kind, kind);
      assert.match(actual.message, message);
      assert.notEqual(actual.hint, undefined);
    });
  }

  for (const behavior of ['unreachable', 'junk', 'nothing', 'flood', 'killed'] as const) {
    it(`E3: with the behavior ${behavior} fails as transient if it is interactive too`, async () => {
      assert.equal((await exchangeFailure(behavior, true)).kind, 'transient');
    });
  }

  it('is reported if it is missing or not executable', async () => {
    const describeOutcome = async (): Promise<unknown> => {
      const outcome = await exchange();
      // An update of yc replaces the program: the schedule looks again.
      assert.ok(!outcome.ok && outcome.failure.retryOnSchedule === true);
      return [outcome.failure.kind, outcome.failure.message];
    };
    chmodSync(yc.path, 0o644);
    assert.deepEqual(await describeOutcome(), [
      'interaction_required',
      `${yc.path} is not an executable program`,
    ]);
    writeFileSync(yc.path, 'words', { mode: 0o755 });
    chmodSync(yc.path, 0o755);
    assert.deepEqual(await describeOutcome(), [
      'interaction_required',
      `${yc.path} is not an executable program`,
    ]);
    rmSync(yc.path);
    assert.deepEqual(await describeOutcome(), ['interaction_required', `no yc at ${yc.path}`]);
  });

  it('is searched for at login, unless the login gives its path', async () => {
    const createStored = async (path: string | null, input: LoginInput): Promise<unknown> => {
      const credential = await ycKind.createCredential(input, installation, {
        ...tools,
        programs: createFakePrograms(path),
      });
      return JSON.parse(credential.expose());
    };
    assert.deepEqual(await createStored('/opt/bin/yc', { settings: {} }), { path: '/opt/bin/yc' });
    assert.deepEqual(await createStored('/opt/bin/yc', createInput({ profile: 'p' })), {
      path: yc.path,
      profile: 'p',
    });
    await assert.rejects(
      createStored(null, { settings: {} }),
      /^IamTokenError: cannot find yc on this machine$/,
    );
  });

  it('provides its cloud and folder, as far as they are set', async () => {
    const readScope = async (): Promise<unknown> =>
      ycKind.readCloudAndFolder?.(
        await ycKind.createCredential(createInput({ profile: 'p' }), installation, tools),
        tools,
        never,
      );
    assert.deepEqual(await readScope(), {});
    yc.setConfig('cloud-id', 'b1gcloud');
    assert.deepEqual(await readScope(), { cloudId: 'b1gcloud' });
    yc.setConfig('folder-id', 'b1gfolder');
    assert.deepEqual(await readScope(), { cloudId: 'b1gcloud', folderId: 'b1gfolder' });
    assert.ok(yc.listRuns().includes('config get cloud-id --profile=p --no-browser'));
    yc.setConfig('cloud-id', 'not an id');
    assert.deepEqual(await readScope(), { folderId: 'b1gfolder' });
  });

  it('names the command that removes its profile, quoted for a shell', async () => {
    const hintFor = async (profile: string): Promise<string | undefined> => {
      const credential = await ycKind.createCredential(createInput({ profile }), installation, tools);
      return ycKind.getRevocationAdvice(credential)?.hint;
    };
    assert.equal(await hintFor('prod'), 'yc config profile delete prod');
    assert.equal(await hintFor("my prod; it's"), String.raw`yc config profile delete 'my prod; it'\''s'`);
  });
});
