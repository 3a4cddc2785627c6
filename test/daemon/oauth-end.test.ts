import assert from 'node:assert/strict';
import { undiciHttp } from '../../src/adapters/undici-http.ts';
import { problemNow } from '../../src/token/outlook.ts';
import { type Emulator, startEmulator } from '../../src/emulator/emulator.ts';
import { type Problem, problemOf } from '../../src/shared/errors.ts';
import { kindNamed } from '../../src/sources/kinds.ts';
import { fakePrograms } from '../support/fake-programs.ts';
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

const ended = 'Yandex Cloud no longer takes OAuth tokens made since 1 June 2026, and this is one';
const kinds =
  'log in with another kind: --service-account-key FILE, --yc, --metadata (on a VM), --workload-identity ID (Kubernetes, CI)';

for (const [where, yc, command] of [
  ['with yc', '/usr/bin/yc', 'iam-token login --yc'],
  ['without yc', null, 'iam-token login --service-account-key key.json'],
] as const) {
  describe(`where OAuth has ended, on a machine ${where}`, () => {
    const folder = temporaryFolder();
    let here: World;
    let emulator: Emulator;
    let running: Running;

    beforeEach(async () => {
      here = world(folder());
      emulator = await startEmulator({ clock: here.clock });
      const http = undiciHttp({ proxy: null, noProxy: [], certificates: null });
      running = startProfiles(here, {
        kindOf: kindNamed,
        tools: sourceTools({ clock: here.clock, http, programs: fakePrograms(yc) }),
        defaultInstallation: () => ({ endpoint: emulator.url, audience: 'unused' }),
      });
    });
    afterEach(() => emulator.close());

    const problem: Problem = { code: 'login_required', message: ended, hint: `${kinds}\n${command}` };

    async function problemIn(promise: Promise<unknown>): Promise<Problem> {
      return promise.then(() => assert.fail('it fails'), problemOf);
    }

    /** The three lines as the log has them after `before`. */
    function logged(before: string): void {
      const lines = here.log.lines.slice(here.log.lines.findIndex((line) => line.endsWith(ended)));
      assert.deepEqual(lines.slice(0, 3), [
        `warn ${before}: ${ended}`,
        `warn what to do: ${kinds}`,
        `warn what to do: ${command}`,
      ]);
    }

    it('login says what has ended, which kinds there are, and the likeliest command', async () => {
      emulator.allowOauthToken({ token: 'y0_new', refusal: 'made_since_june_2026' });
      assert.deepEqual(await problemIn(login(running, 'y0_new')), problem);
      logged('the login failed');
    });

    it('token and status say the same, and nobody asks IAM again', async () => {
      emulator.allowOauthToken({ token: 'y0_old' });
      const profile = await login(running, 'y0_old');
      emulator.allowOauthToken({ token: 'y0_old', refusal: 'made_since_june_2026' });
      assert.equal(await codeOf(refreshed(profile)), 'login_required');
      const asked = emulator.count('POST /iam/v1/tokens');
      assert.deepEqual(problemNow(profile.state, here.clock.now()), problem);
      for (let hours = 0; hours < 13; hours += 1) here.clock.advance(60 * 60_000);
      assert.deepEqual(await problemIn(tokenOf(profile)), problem);
      assert.equal(emulator.count('POST /iam/v1/tokens'), asked, 'the refusal is latched');
      logged('could not renew the IAM token');
    });

    it('a profile that still works has a notice with the date and its own command, and another kind has none', async () => {
      const entry = { kind: 'oauth', endpoint: '', audience: '', slot: '' };
      const notice =
        'OAuth tokens end with the year 2026, on 31 December; move this profile to another kind before: ';
      emulator.allowOauthToken({ token: 'y0_old' });
      await login(running, 'y0_old', 'work');
      assert.equal(running.profiles.notice('work', entry), notice + command);
      const named = command.replace('login', 'login --profile home');
      assert.equal(running.profiles.notice('home', entry), notice + named);
      assert.equal(running.profiles.notice('work', { ...entry, kind: 'metadata' }), null);
    });
  });
}
