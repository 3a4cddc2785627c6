import assert from 'node:assert/strict';
import { failWith, respondWith, ScriptedDaemon } from '../../../support/daemon/scripted-daemon.ts';
import { runCli } from '../../../support/processes/run-cli.ts';

describe('iam-token use', () => {
  let daemon: ScriptedDaemon;

  beforeEach(async () => {
    daemon = await ScriptedDaemon.start(respondWith({}));
  });
  afterEach(() => daemon.close());

  const run = (args: readonly string[]) => runCli(args, { socket: daemon.socketPath });

  it('sets the default profile', async () => {
    daemon.setScript(respondWith({ use: { profile: 'work' } }));
    assert.deepEqual(await run(['use', 'work']), {
      stdout: 'work is now the default profile\n',
      stderr: '',
      code: 0,
    });
    assert.deepEqual(daemon.requests[0]?.params, { profile: 'work' });
  });

  it('accepts a name that looks like an option after --', async () => {
    daemon.setScript(respondWith({ use: ({ profile }: { readonly profile: string }) => ({ profile }) }));
    assert.equal((await run(['use', '--', '--help'])).stdout, '--help is now the default profile\n');
  });

  it('exits with 7 for an unknown profile', async () => {
    daemon.setScript(
      failWith({ code: 'unknown_profile', message: 'unknown profile "x"', hint: 'iam-token profiles' }),
    );
    assert.deepEqual(await run(['use', 'x']), {
      stdout: '',
      stderr: 'iam-token: error: unknown profile "x"\niam-token: hint: iam-token profiles\n',
      code: 7,
    });
  });
});
