import assert from 'node:assert/strict';
import { respondWith, ScriptedDaemon } from '../../../support/daemon/scripted-daemon.ts';
import { runCli } from '../../../support/processes/run-cli.ts';
import { daemonStatus, failingProfile, workProfile } from './status-fixtures.ts';

describe('iam-token profiles', () => {
  let daemon: ScriptedDaemon;

  beforeEach(async () => {
    daemon = await ScriptedDaemon.start(respondWith({}));
  });
  afterEach(() => daemon.close());

  const run = (args: readonly string[]) => runCli(args, { socket: daemon.socketPath });

  const work = { profile: 'work', isDefault: true, kind: 'oauth' };
  const a = { profile: 'a', isDefault: false, kind: 'metadata' };

  it('prints the table of profiles, and marks the default one', async () => {
    const profiles = [
      { ...failingProfile, profile: 'a', kind: 'metadata' },
      { ...workProfile, profile: 'e\u202evil', isDefault: false, displayName: 'my-robot' },
      { ...workProfile, nextRenewalAt: null },
    ];
    daemon.setScript(respondWith({ status: { daemon: daemonStatus, profiles, next: null } }));
    assert.deepEqual(await run(['profiles']), {
      stdout: `  PROFILE       ACCOUNT   KIND      STATE    LEFT     RENEWAL
  a             -         metadata  failing  expired  now
  e\\u{202e}vil  my-robot  oauth     ok       12h4m    now
* work          aje0ada   oauth     ok       12h4m    -
`,
      stderr: '',
      code: 0,
    });
  });

  it('prints one line of JSON with --json', async () => {
    daemon.setScript(respondWith({ profiles: { profiles: [a, work], next: null } }));
    assert.equal((await run(['profiles', '--json'])).stdout, `${JSON.stringify({ profiles: [a, work] })}\n`);
  });

  it('fetches all pages', async () => {
    daemon.setScript(
      respondWith({
        profiles: ({ after }: { readonly after?: string }) =>
          after === undefined ? { profiles: [a], next: 'a' } : { profiles: [work], next: null },
      }),
    );
    assert.equal((await run(['profiles', '--json'])).stdout, `${JSON.stringify({ profiles: [a, work] })}\n`);
    assert.deepEqual(
      daemon.requests.map(({ params }) => params),
      [{}, { after: 'a' }],
    );
  });

  it('stops if the pages form a cycle', async () => {
    daemon.setScript(respondWith({ profiles: { profiles: [a], next: 'a' } }));
    assert.equal((await run(['profiles', '--json', '--timeout', '5s'])).code, 0);
    assert.equal(daemon.requests.length, 2);
  });

  it('prints a hint without profiles', async () => {
    const noProfiles = { profiles: [], next: null };
    daemon.setScript(respondWith({ profiles: noProfiles, status: { ...noProfiles, daemon: daemonStatus } }));
    assert.deepEqual(await run(['profiles']), {
      stdout: '',
      stderr: 'iam-token: no profiles yet\niam-token: hint: iam-token login\n',
      code: 0,
    });
    assert.equal((await run(['profiles', '--json'])).stdout, '{"profiles":[]}\n');
  });
});
