import assert from 'node:assert/strict';
import { chmodSync, rmSync, writeFileSync } from 'node:fs';
import { childProcesses } from '../../src/adapters/child-process.ts';
import { isExecutable } from '../../src/platform/surroundings.ts';
import { HttpFailure } from '../../src/shared/http-client.ts';
import type { Handed, SourceTools } from '../../src/sources/credential-kind.ts';
import { ycKind } from '../../src/sources/yc.ts';
import type { ExchangeFailure, ExchangeOutcome } from '../../src/token/ports.ts';
import { fakePrograms } from '../support/fake-programs.ts';
import { type FakeYc, fakeYc, type YcManner } from '../support/fake-yc.ts';
import { procFile } from '../support/processes.ts';
import { scriptedHttp } from '../support/scripted-http.ts';
import { sourceTools } from '../support/source-tools.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { type TestClock, testClock } from '../support/test-clock.ts';
import { until } from '../support/until.ts';

const nowMs = Date.UTC(2026, 10, 24, 12);
const installation = { endpoint: 'https://iam.test', audience: 'unused' };
const never = new AbortController().signal;
const token = 't1.payload.signature';
const refresh = 'iam-token refresh';

describe('yc', () => {
  const folder = temporaryFolder();
  let yc: FakeYc;
  let clock: TestClock;
  let tools: SourceTools;

  beforeEach(() => {
    yc = fakeYc(folder());
    yc.give(token, '2026-11-24T20:00:00.123456789Z');
    clock = testClock(nowMs);
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
    const surroundings = { platform: process.platform, env, home: () => folder() };
    tools = sourceTools({ clock, programs: childProcesses(surroundings, clock, isExecutable) });
  });

  const settings = (more: Readonly<Record<string, string>> = {}): Handed => ({
    settings: { path: yc.path, ...more },
  });

  async function exchange(
    interactive = false,
    handed = settings(),
    signal = never,
  ): Promise<ExchangeOutcome> {
    const credential = await ycKind.accept(handed, installation, tools);
    return ycKind.open(credential, installation, tools).exchange(signal, interactive);
  }

  async function failure(manner: YcManner, interactive = false): Promise<ExchangeFailure> {
    yc.behave(manner);
    const outcome = await exchange(interactive);
    assert.ok(!outcome.ok);
    assert.doesNotMatch(JSON.stringify(outcome), /canary/);
    return outcome.failure;
  }

  it('is asked for a token in JSON, with the expiry that it says', async () => {
    const outcome = await exchange();
    assert.ok(outcome.ok);
    assert.equal(outcome.exchanged.token.expose(), token);
    assert.equal(outcome.exchanged.expiresAtMs, Date.UTC(2026, 10, 24, 20, 0, 0, 123));
    assert.deepEqual(yc.runs(), ['iam create-token --no-user-output --format=json --no-browser']);
  });

  it('is asked for a profile of its own, and may open a browser where somebody is there', async () => {
    assert.ok((await exchange(true, settings({ profile: 'work; rm -rf' }))).ok);
    assert.deepEqual(yc.runs(), ['iam create-token --no-user-output --format=json --profile=work; rm -rf']);
  });

  it('may say a token in its last line, which then counts for ten minutes', async () => {
    yc.behave('plain');
    const outcome = await exchange();
    assert.ok(outcome.ok);
    assert.equal(outcome.exchanged.token.expose(), token);
    assert.equal(outcome.exchanged.expiresAtMs, nowMs + 10 * 60_000);
  });

  it('may give a token without an expiry that can be read, which then counts for ten minutes', async () => {
    yc.give(token, 'soon');
    const outcome = await exchange();
    assert.ok(outcome.ok && outcome.exchanged.expiresAtMs === nowMs + 10 * 60_000);
  });

  it('has an environment without a variable of yc or of ours, and without a screen unless somebody is there', async () => {
    await exchange(false);
    const alone = yc.environment();
    assert.deepEqual(
      alone.filter((line) => /^(?:YC_|IAM_TOKEN)/.test(line)),
      [`IAM_TOKEN_YC_BEHIND=${yc.path}`, 'YC_CLI_INITIALIZATION_SILENCE=true'],
    );
    assert.ok(alone.includes(`HOME=${folder()}`));
    assert.ok(alone.includes('BROWSER=false') && !alone.some((line) => line.includes('DISPLAY=')));
    await exchange(true);
    assert.ok(yc.environment().includes('DISPLAY=:0') && !yc.environment().includes('BROWSER=false'));
  });

  it('opens its browser for a person, and never unasked', async () => {
    yc.behave('browser');
    assert.deepEqual(await exchange(false), {
      ok: false,
      failure: {
        kind: 'needs_person',
        message: 'yc wants somebody to log in, in a browser',
        hint: refresh,
      },
    });
    assert.equal(yc.browsersOpened(), 0);
    assert.ok((await exchange(true)).ok);
    assert.equal(yc.browsersOpened(), 1);
  });

  describe('that waits without a word', () => {
    async function waited(interactive: boolean, http = scriptedHttp({})): Promise<ExchangeFailure> {
      tools = { ...tools, http };
      yc.behave('quiet-browser');
      if (interactive) yc.behave('hang');
      const outcome = exchange(interactive);
      await until(() => yc.runs().length > 0, 'yc runs');
      clock.advance(interactive ? 110_000 : 20_000);
      const ended = await outcome;
      assert.ok(!ended.ok);
      return ended.failure;
    }

    it('waits for a person where Yandex Cloud can be reached', async () => {
      assert.deepEqual(await waited(false), {
        kind: 'needs_person',
        message: 'yc did not end within 20 s; it seems to wait for somebody',
        hint: refresh,
      });
    });

    it('waits for the network where it cannot', async () => {
      const { kind, message } = await waited(false, scriptedHttp(new HttpFailure('no way')));
      assert.deepEqual(
        [kind, message],
        ['transient', 'yc did not end within 20 s, and Yandex Cloud cannot be reached'],
      );
    });

    it('is waited for by a person for 110 s, and no longer', async () => {
      const { kind, message } = await waited(true);
      assert.deepEqual(
        [kind, message],
        ['needs_person', 'yc did not end within 110 s; it seems to wait for somebody'],
      );
    });
  });

  it('ends with all that it started when it is given up', async () => {
    yc.behave('hang');
    const controller = new AbortController();
    const outcome = exchange(false, settings(), controller.signal);
    await until(() => yc.children().length > 0, 'yc started something');
    controller.abort();
    assert.ok(!(await outcome).ok);
    const [child = 0] = yc.children();
    await until(() => procFile(child, 'cmdline') === '', 'what it started has ended');
  });

  const rows: readonly (readonly [YcManner, ExchangeFailure['kind'], RegExp])[] = [
    ['refuse', 'terminal', /^yc ended with exit code 1: ERROR: rpc error: code = Unauthenticated/],
    ['fail', 'transient', /^yc ended with exit code 1: ERROR: rpc error: code = Unavailable/],
    ['prompt', 'needs_person', /^yc ended with exit code 1: Do you accept the terms\? \[Y\/n\]$/],
    ['junk', 'transient', /^yc gave no token: the last line of its output is none$/],
    ['nothing', 'transient', /^yc gave no token, and said nothing$/],
    ['flood', 'transient', /^yc says more than 64 KiB instead of a token$/],
    ['killed', 'transient', /^yc was ended by SIGKILL$/],
  ];
  for (const [manner, kind, message] of rows) {
    it(`fails when it behaves so: ${manner}`, async () => {
      const found = await failure(manner);
      assert.equal(found.kind, kind);
      assert.match(found.message, message);
      assert.notEqual(found.hint, undefined);
    });
  }

  for (const manner of ['junk', 'nothing', 'flood', 'killed'] as const) {
    it(`needs the person who is there when it behaves so: ${manner}`, async () => {
      assert.equal((await failure(manner, true)).kind, 'needs_person');
    });
  }

  it('is missed, or cannot be run', async () => {
    const said = async (): Promise<unknown> => {
      const outcome = await exchange();
      return outcome.ok || [outcome.failure.kind, outcome.failure.message];
    };
    chmodSync(yc.path, 0o644);
    assert.deepEqual(await said(), ['needs_person', `${yc.path} is no program that may be run`]);
    writeFileSync(yc.path, 'words', { mode: 0o755 });
    chmodSync(yc.path, 0o755);
    assert.deepEqual(await said(), ['needs_person', `${yc.path} is no program that may be run`]);
    rmSync(yc.path);
    assert.deepEqual(await said(), ['needs_person', `yc is not at ${yc.path}`]);
  });

  it('is found at login, unless the login says where it is', async () => {
    const kept = async (path: string | null, handed: Handed): Promise<unknown> => {
      const credential = await ycKind.accept(handed, installation, {
        ...tools,
        programs: fakePrograms(path),
      });
      return JSON.parse(credential.expose());
    };
    assert.deepEqual(await kept('/opt/bin/yc', { settings: {} }), { path: '/opt/bin/yc' });
    assert.deepEqual(await kept('/opt/bin/yc', settings({ profile: 'p' })), { path: yc.path, profile: 'p' });
    await assert.rejects(kept(null, { settings: {} }), /^ProblemError: yc is not found on this machine$/);
  });

  it('tells its own cloud and folder, as far as it has them', async () => {
    const scope = async (): Promise<unknown> =>
      ycKind.cloudAndFolder?.(
        await ycKind.accept(settings({ profile: 'p' }), installation, tools),
        tools,
        never,
      );
    assert.deepEqual(await scope(), {});
    yc.configure('cloud-id', 'b1gcloud');
    assert.deepEqual(await scope(), { cloudId: 'b1gcloud' });
    yc.configure('folder-id', 'b1gfolder');
    assert.deepEqual(await scope(), { cloudId: 'b1gcloud', folderId: 'b1gfolder' });
    assert.ok(yc.runs().includes('config get cloud-id --profile=p --no-browser'));
    yc.configure('cloud-id', 'not an id');
    assert.deepEqual(await scope(), { folderId: 'b1gfolder' });
  });
});
