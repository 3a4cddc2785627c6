import assert from 'node:assert/strict';
import { respondWith, ScriptedDaemon } from '../../../support/daemon/scripted-daemon.ts';
import { runInTerminal } from '../../../support/processes/pseudo-terminal.ts';
import { runCli } from '../../../support/processes/run-cli.ts';
import { version } from '../../../../src/shared/version.ts';

const hello = { version, protocol: 1 };
const login = { profile: 'work', subject: 'aje0ada' };

describe('iam-token login with settings alone', () => {
  let daemon: ScriptedDaemon;

  beforeEach(async () => {
    daemon = await ScriptedDaemon.start(respondWith({ hello, login, rename: { profile: 'office' } }));
  });
  afterEach(() => daemon.close());

  const run = (...args: readonly string[]) => runCli(args, { socket: daemon.socketPath });
  const paramsOf = (name: string): unknown => daemon.requests.find(({ method }) => method === name)?.params;

  it('18.2: sends a login without a kind, also without a terminal, and says what has changed', async () => {
    const { stdout, stderr, code } = await run(
      'login',
      '--profile',
      'work',
      '--folder-id',
      'b1gx',
      '--cloud-id',
      '',
    );
    assert.deepEqual(
      [stdout, stderr, code],
      ['changed the profile work: cloud cleared, folder b1gx\n', '', 0],
    );
    assert.deepEqual(paramsOf('login'), { profile: 'work', folderId: 'b1gx', cloudId: '' });
  });

  it('18.2: does so in a terminal too, without a question', async () => {
    const { screen, code } = await runInTerminal(['login', '--folder-id', 'b1gx'], [], {
      socket: daemon.socketPath,
    });
    assert.deepEqual([screen, code], ['changed the profile work: folder b1gx\r\n', 0]);
  });

  it('18.2: asks for the kind in a terminal if there is no profile yet', async () => {
    const status = {
      daemon: {
        version,
        pid: 1,
        startedAt: '2026-11-24T08:00:00.000Z',
        store: { kind: 'memory', state: 'open', problem: null },
      },
      profiles: [],
      next: null,
    };
    daemon.setScript((request, peer) => {
      if (request.method === 'login')
        peer.fail(request, { code: 'login_required', message: 'not logged in' });
      else peer.respond(request, request.method === 'hello' ? hello : status);
    });
    const { code } = await runInTerminal(
      ['login', '--folder-id', 'b1gx'],
      [{ expect: ']: ', type: ['\x03'] }],
      { socket: daemon.socketPath, env: { HOME: '/nowhere', IAM_TOKEND_IAM_ENDPOINT: 'http://127.0.0.1:9' } },
    );
    assert.equal(code, 130);
    assert.equal((await run('login', '--folder-id', 'b1gx')).code, 4);
  });

  it('18.2: requires a kind for another endpoint', async () => {
    const { stderr, code } = await run(
      'login',
      '--endpoint',
      'https://iam.example.net',
      '--folder-id',
      'b1gx',
    );
    assert.equal(code, 2);
    assert.match(stderr, /login requires a kind of credential/);
    assert.equal(daemon.connectionCount, 0);
  });

  it('18.2: renames a profile', async () => {
    const { stdout, code } = await run('profiles', 'rename', 'work', 'office');
    assert.deepEqual([stdout, code], ['renamed work to office\n', 0]);
    assert.deepEqual(paramsOf('rename'), { profile: 'work', to: 'office' });
  });

  it('18.2: checks the names of a rename', async () => {
    for (const [args, message] of [
      [['rename'], /missing argument \[rename OLD NEW\]/],
      [['rename', 'a'], /missing argument \[rename OLD NEW\]/],
      [['rename', 'a', 'b', 'c'], /unexpected argument "c"/],
      [['rename', 'a', 'b/c'], /invalid value "b\/c"/],
      [['renam', 'a', 'b'], /unexpected argument "renam"/],
    ] as const) {
      const { stderr, code } = await run('profiles', ...args);
      assert.equal(code, 2, stderr);
      assert.match(stderr, message);
    }
  });
});
