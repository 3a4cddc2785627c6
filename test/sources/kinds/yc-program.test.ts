import assert from 'node:assert/strict';
import { chmodSync, copyFileSync, mkdirSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { createProgramRunner } from '../../../src/adapters/child-process.ts';
import { isExecutable } from '../../../src/platform/process-context.ts';
import { IamTokenError } from '../../../src/shared/errors.ts';
import type { Secret } from '../../../src/shared/secret.ts';
import type { SourceTools } from '../../../src/sources/credential-kind.ts';
import { ycKind } from '../../../src/sources/kinds/yc.ts';
import { createFakeYc, type FakeYc } from '../../support/iam/fake-yc.ts';
import { createSourceTools } from '../../support/iam/source-tools.ts';
import { useTemporaryFolder } from '../../support/temporary-folder.ts';
import { createTestClock } from '../../support/time/test-clock.ts';

const nowMs = Date.UTC(2026, 10, 24, 12);
const installation = { endpoint: 'https://iam.test', audience: 'unused' };
const never = new AbortController().signal;

describe('D1: yc as a program that a peer names', () => {
  const folder = useTemporaryFolder();
  let yc: FakeYc;
  let tools: SourceTools;
  const path = (name: string): string => join(folder(), name);

  const create = (program: string, withTools = tools): Promise<Secret> =>
    ycKind.createCredential({ settings: { path: program } }, installation, withTools);

  beforeEach(() => {
    yc = createFakeYc(folder());
    const context = { platform: process.platform, env: { PATH: process.env['PATH'] }, home: () => folder() };
    const clock = createTestClock(nowMs);
    tools = createSourceTools({ clock, programs: createProgramRunner(context, clock, isExecutable) });
    mkdirSync(path('shared'));
    for (const name of ['shared/yc', 'program']) copyFileSync(yc.path, path(name));
    symlinkSync('shared/yc', path('link'));
    chmodSync(path('shared'), 0o777);
  });

  for (const [name, reason] of [
    ['shared/yc', /^the daemon does not run .*: .*\/shared is writable by other users \(mode 0777\)$/],
    ['link', /\/shared is writable by other users/],
    ['writable', /\/writable is writable by other users \(mode 0757\)$/],
  ] as const) {
    it(`is forbidden if another user can replace it: ${name}`, async () => {
      copyFileSync(yc.path, path('writable'));
      chmodSync(path('writable'), 0o757);
      await assert.rejects(
        create(path(name)),
        (error) => error instanceof IamTokenError && error.code === 'forbidden' && reason.test(error.message),
      );
      assert.deepEqual(yc.listRuns(), []);
    });
  }

  it('is forbidden below /proc, where a container has its files too', async () => {
    for (const root of [`/proc/${process.pid}/root`, '/proc/self/cwd/..']) {
      symlinkSync(root, path('proc'));
      for (const program of [`${root}${path('program')}`, `${path('proc')}${path('program')}`]) {
        await assert.rejects(
          create(program),
          /^IamTokenError: the daemon does not run .* leads through \/proc$/,
        );
      }
      rmSync(path('proc'));
    }
  });

  it('is not run after another user could replace it', async () => {
    const credential = await create(path('program'));
    chmodSync(path('program'), 0o777);
    const outcome = await ycKind.open(credential, installation, tools).exchange(never, true);
    assert.ok(!outcome.ok);
    assert.match(outcome.failure.message, /^the daemon does not run .*writable by other users/);
    assert.deepEqual(yc.listRuns(), []);
  });

  it('is accepted if only this user and root can replace it, or if the daemon finds it itself', async () => {
    await create(path('program'));
    const ownTools = { ...tools, programs: { ...tools.programs, find: () => path('shared/yc') } };
    await create(path('shared/yc'), ownTools);
  });
});
