import assert from 'node:assert/strict';
import { type IamTokenError, watchIamToken } from '../../src/client/iam-token-client.ts';
import {
  respondWith,
  failWith,
  type Script,
  ScriptedDaemon,
  type ScriptedPeer,
} from '../support/daemon/scripted-daemon.ts';
import { waitUntil } from '../support/wait-until.ts';

const tokenResult = (token: string): object => ({
  token,
  expiresAt: '2026-11-24T22:04:05.000Z',
  profile: 'work',
  subject: 'aje0ada',
});

describe('watchIamToken', () => {
  let daemon: ScriptedDaemon;
  let peer: ScriptedPeer;
  let current: string;
  let problems: IamTokenError[];
  let controller: AbortController;

  /** Answers with `current`; `peer` lets the test send events. */
  const script: Script = (request, sender) => {
    peer = sender;
    respondWith({ subscribe: {}, token: () => tokenResult(current) })(request, sender);
  };
  const rotate = (token: string): void => {
    current = token;
    peer.send('rotated', { profile: 'work' });
  };
  const watch = (profile?: string): ReturnType<typeof watchIamToken> => {
    const { socketPath } = daemon;
    const onProblem = (problem: IamTokenError): void => void problems.push(problem);
    return watchIamToken({ socketPath, profile, signal: controller.signal, onProblem });
  };

  beforeEach(async () => {
    current = 't1.a';
    problems = [];
    controller = new AbortController();
    daemon = await ScriptedDaemon.start(script);
  });

  afterEach(() => daemon.close());

  it('yields the current token and each new one', async () => {
    const tokens: string[] = [];
    for await (const { token } of watch('work')) {
      tokens.push(token);
      if (tokens.length === 3) break;
      rotate(`t1.${tokens.length}`);
    }
    assert.deepEqual(tokens, ['t1.a', 't1.1', 't1.2']);
    const { method, params } = daemon.requests[0] ?? {};
    assert.deepEqual([method, params], ['subscribe', { profile: 'work' }]);
    assert.equal(daemon.connectionCount, 1);
  });

  it('yields each token once', async () => {
    const tokens = watch();
    await tokens.next();
    const next = tokens.next();
    rotate('t1.a');
    await waitUntil(
      () => daemon.requests.filter(({ method }) => method === 'token').length === 2,
      'the second request',
    );
    rotate('t1.b');
    assert.equal((await next).value.token, 't1.b');
    await tokens.return(undefined as never);
  });

  it('reconnects to a restarted daemon and yields the token that it missed', async () => {
    const tokens = watch();
    await tokens.next();
    const next = tokens.next();
    current = 't1.b';
    peer.end();
    assert.equal((await next).value.token, 't1.b');
    assert.equal(daemon.connectionCount, 2);
    await tokens.return(undefined as never);
  });

  it('reports a missing daemon and waits for it', async () => {
    await daemon.close();
    const tokens = watch();
    const first = tokens.next();
    await waitUntil(() => problems.length > 0, 'a problem');
    assert.deepEqual(problems[0]?.code, 'unreachable');
    daemon = await ScriptedDaemon.start(script);
    controller.abort(new Error('enough'));
    await assert.rejects(first, { message: 'enough' });
  });

  it('reports why there is no token and waits for one', async () => {
    const loginRequired: Script = (request, sender) => {
      peer = sender;
      if (request.method === 'subscribe') sender.respond(request, {});
      else failWith({ code: 'login_required', message: 'not logged in' })(request, sender);
    };
    daemon.setScript(loginRequired);
    const tokens = watch();
    const first = tokens.next();
    await waitUntil(() => problems.length > 0, 'a problem');
    assert.deepEqual(
      problems.map(({ code }) => code),
      ['login_required'],
    );
    daemon.setScript(script);
    rotate('t1.b');
    assert.equal((await first).value.token, 't1.b');
    await tokens.return(undefined as never);
  });

  it('throws the reason of the signal, while it waits and at the start', async () => {
    const watcher = watch();
    await watcher.next();
    const next = watcher.next();
    controller.abort(new Error('enough'));
    await assert.rejects(next, { message: 'enough' });
    await assert.rejects(watch().next(), { message: 'enough' });
  });
});
