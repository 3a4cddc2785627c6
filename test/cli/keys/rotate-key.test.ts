import assert from 'node:assert/strict';
import { respondWith, ScriptedDaemon } from '../../support/daemon/scripted-daemon.ts';
import { runCli } from '../../support/processes/run-cli.ts';

const rotated = { profile: 'work', keyId: 'ajeknew', replacedKeyId: 'ajekold', replacedKey: 'deleted' };

describe('iam-token rotate-key', () => {
  let daemon: ScriptedDaemon;

  beforeEach(async () => {
    daemon = await ScriptedDaemon.start(respondWith({}));
  });
  afterEach(() => daemon.close());

  const run = (args: readonly string[]) => runCli(['rotate-key', ...args], { socket: daemon.socketPath });

  it('prints both keys, and that the old one is deleted', async () => {
    daemon.setScript(respondWith({ rotateKey: rotated }));
    assert.deepEqual(await run(['--profile', 'work']), {
      stdout: 'replaced the key of work: ajeknew replaces ajekold, which is deleted\n',
      stderr: '',
      code: 0,
    });
    assert.deepEqual(daemon.requests[0]?.params, { profile: 'work' });
  });

  it('says that another profile uses the old key', async () => {
    daemon.setScript(respondWith({ rotateKey: { ...rotated, replacedKey: 'in_use' } }));
    const { stdout } = await run([]);
    assert.match(stdout, /ajekold, which stays valid, because another profile uses it\n$/);
  });

  it('says that the original of a copied configuration folder uses the old key', async () => {
    daemon.setScript(respondWith({ rotateKey: { ...rotated, replacedKey: 'kept' } }));
    const { stdout } = await run([]);
    assert.match(
      stdout,
      /ajekold, which stays valid, because the configuration folder that this one was copied from uses it\n$/,
    );
  });

  it('fails if the old key is still valid, with the reason', async () => {
    const problem = {
      code: 'login_required',
      message: 'a replaced key is still valid: no role',
      hint: 'yc iam',
    };
    daemon.setScript(respondWith({ rotateKey: { ...rotated, replacedKey: 'not_deleted', problem } }));
    assert.deepEqual(await run([]), {
      stdout: '',
      stderr:
        'iam-token: error: the new key ajeknew is in use, but a replaced key is still valid: no role\niam-token: hint: yc iam\n',
      code: 4,
    });
  });
});
