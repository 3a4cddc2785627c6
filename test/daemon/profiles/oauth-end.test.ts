import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createDirectHttpClient } from '../../support/network/http-client-fixture.ts';
import { currentProblem } from '../../../src/token/selectors.ts';
import { type Emulator, startEmulator } from '../../emulator/emulator.ts';
import { problemOf, renderProblem, type WireProblem } from '../../../src/shared/errors.ts';
import { oauthSunset } from '../../../src/sources/kinds/oauth-sunset.ts';
import { findCredentialKind } from '../../../src/sources/credential-kinds.ts';
import { createFakePrograms } from '../../support/processes/fake-programs.ts';
import {
  captureCode,
  login,
  refreshToken,
  type RunningProfiles,
  startProfiles,
  requestToken,
  type ProfilesFixture,
  createProfilesFixture,
} from '../../support/daemon/profiles-fixture.ts';
import { createSourceTools } from '../../support/iam/source-tools.ts';
import { useTemporaryFolder } from '../../support/temporary-folder.ts';

const oauthEndMessage = 'IAM rejected the OAuth token: new OAuth tokens have been refused since 1 June 2026';
const kinds =
  'log in with another kind: --service-account-key FILE, --yc, --metadata (on a VM), --workload-identity ID (Kubernetes, CI)';

for (const [where, yc, command] of [
  ['with yc', '/usr/bin/yc', 'iam-token login --yc'],
  ['without yc', null, 'iam-token login --service-account-key FILE'],
] as const) {
  describe(`the end of OAuth tokens, on a machine ${where}`, () => {
    const folder = useTemporaryFolder();
    let fixture: ProfilesFixture;
    let emulator: Emulator;
    let running: RunningProfiles;

    beforeEach(async () => {
      fixture = createProfilesFixture(folder());
      emulator = await startEmulator({ clock: fixture.clock });
      const http = createDirectHttpClient();
      running = await startProfiles(fixture, {
        findCredentialKind: findCredentialKind,
        tools: createSourceTools({ clock: fixture.clock, http, programs: createFakePrograms(yc) }),
        getDefaultInstallation: () => ({ endpoint: emulator.url, audience: 'unused' }),
      });
    });
    afterEach(() => emulator.close());

    const problem: WireProblem = {
      code: 'login_required',
      message: oauthEndMessage,
      hint: `${kinds}\n${command}`,
    };

    async function problemIn(promise: Promise<unknown>): Promise<WireProblem> {
      return promise.then(
        () => assert.fail('it fails'),
        (error: unknown) => renderProblem(problemOf(error)),
      );
    }

    /** The three lines as the log has them after `before`. */
    function logged(before: string): void {
      const lines = fixture.log.lines.slice(
        fixture.log.lines.findIndex((line) => line.endsWith(oauthEndMessage)),
      );
      assert.deepEqual(lines.slice(0, 3), [
        `warn ${before}: ${oauthEndMessage}`,
        `warn hint: ${kinds}`,
        `warn hint: ${command}`,
      ]);
    }

    it('makes login name the reason, the other kinds and the likeliest command', async () => {
      emulator.allowOauthToken({ token: 'y0_new', rejectionReason: 'made_since_june_2026' });
      assert.deepEqual(await problemIn(login(running, 'y0_new')), problem);
      logged('login failed');
    });

    it('makes token and status name the same, without another request to IAM', async () => {
      emulator.allowOauthToken({ token: 'y0_old' });
      const profile = await login(running, 'y0_old');
      emulator.allowOauthToken({ token: 'y0_old', rejectionReason: 'made_since_june_2026' });
      assert.equal(await captureCode(refreshToken(profile)), 'login_required');
      const requestCount = emulator.countRequests('POST /iam/v1/tokens');
      const latchedProblem = currentProblem(profile.state, fixture.clock.now());
      assert.deepEqual(latchedProblem && renderProblem(latchedProblem), problem);
      for (let hours = 0; hours < 13; hours += 1) fixture.clock.advance(60 * 60_000);
      assert.deepEqual(await problemIn(requestToken(profile)), problem);
      assert.equal(emulator.countRequests('POST /iam/v1/tokens'), requestCount, 'no further request');
      logged('could not renew the IAM token');
    });

    it('adds a notice with the profile’s own command to a profile that still works', async () => {
      const entry = { kind: 'oauth', endpoint: '', audience: '', slot: '' };
      const notice =
        'new OAuth tokens have been refused since 1 June 2026; older ones work until they expire (June 2027 at the latest), ' +
        "and the vendor's SDKs announce the end of all of them for the end of 2026; move this profile to another kind: ";
      emulator.allowOauthToken({ token: 'y0_old' });
      await login(running, 'y0_old', 'work');
      assert.equal(running.profiles.getNotice('work', entry), notice + command);
      const named = command.replace('login', 'login --profile home');
      assert.equal(running.profiles.getNotice('home', entry), notice + named);
      assert.equal(running.profiles.getNotice('work', { ...entry, kind: 'metadata' }), null);
    });
  });
}

describe('the end of OAuth tokens', () => {
  const root = fileURLToPath(new URL('../../../..', import.meta.url));

  it('C10: has its wording in one source file, and USAGE.md has the same', () => {
    const dates = /june 2026|june 2027|end of (?:all of them for the end of )?2026/i;
    const files = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
      .filter((path) => path.endsWith('.ts'))
      .filter((path) => dates.test(readFileSync(join(root, 'src', path), 'utf8')));
    assert.deepEqual(files, ['sources/kinds/oauth-sunset.ts']);
    const usage = readFileSync(join(root, 'USAGE.md'), 'utf8').replaceAll(/\s+/g, ' ');
    assert.ok(usage.includes(`N${oauthSunset.slice(1)}.`));
  });
});
