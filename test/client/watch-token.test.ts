import assert from 'node:assert/strict';
import { type IamTokenError, watchIamToken } from '../../src/client/iam-token-client.ts';
import {
  answering,
  failing,
  type Script,
  ScriptedDaemon,
  type ScriptedPeer,
} from '../support/scripted-daemon.ts';
import { until } from '../support/until.ts';

const answer = (token: string): object => ({
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
  let ending: AbortController;

  /** Answers with the current token, and lets the test say what happens. */
  const script: Script = (request, from) => {
    peer = from;
    answering({ subscribe: {}, token: () => answer(current) })(request, from);
  };
  const rotate = (token: string): void => {
    current = token;
    peer.send('rotated', { profile: 'work' });
  };
  const watch = (profile?: string): ReturnType<typeof watchIamToken> => {
    const { socketPath } = daemon;
    const onProblem = (problem: IamTokenError): void => void problems.push(problem);
    return watchIamToken({ socketPath, profile, signal: ending.signal, onProblem });
  };

  beforeEach(async () => {
    current = 't1.a';
    problems = [];
    ending = new AbortController();
    daemon = await ScriptedDaemon.start(script);
  });

  afterEach(() => daemon.close());

  it('gives the token now, and each that takes its place', async () => {
    const seen: string[] = [];
    for await (const { token } of watch('work')) {
      seen.push(token);
      if (seen.length === 3) break;
      rotate(`t1.${seen.length}`);
    }
    assert.deepEqual(seen, ['t1.a', 't1.1', 't1.2']);
    const { method, params } = daemon.requests[0] ?? {};
    assert.deepEqual([method, params], ['subscribe', { profile: 'work' }]);
    assert.equal(daemon.connections, 1);
  });

  it('gives no token twice', async () => {
    const tokens = watch();
    await tokens.next();
    const next = tokens.next();
    rotate('t1.a');
    await until(
      () => daemon.requests.filter(({ method }) => method === 'token').length === 2,
      'it asked again',
    );
    rotate('t1.b');
    assert.equal((await next).value.token, 't1.b');
    await tokens.return(undefined as never);
  });

  it('connects anew to a daemon that went away, and gives what it missed', async () => {
    const tokens = watch();
    await tokens.next();
    const next = tokens.next();
    current = 't1.b';
    peer.end();
    assert.equal((await next).value.token, 't1.b');
    assert.equal(daemon.connections, 2);
    await tokens.return(undefined as never);
  });

  it('says why there is no daemon, and waits for one', async () => {
    await daemon.close();
    const tokens = watch();
    const first = tokens.next();
    await until(() => problems.length > 0, 'it told');
    assert.deepEqual(problems[0]?.code, 'unreachable');
    daemon = await ScriptedDaemon.start(script);
    ending.abort(new Error('enough'));
    await assert.rejects(first, { message: 'enough' });
  });

  it('says why there is no token, and waits for one', async () => {
    const refused: Script = (request, from) => {
      peer = from;
      if (request.method === 'subscribe') from.answer(request, {});
      else failing({ code: 'login_required', message: 'nobody is logged in' })(request, from);
    };
    daemon.become(refused);
    const tokens = watch();
    const first = tokens.next();
    await until(() => problems.length > 0, 'it told');
    assert.deepEqual(
      problems.map(({ code }) => code),
      ['login_required'],
    );
    daemon.become(script);
    rotate('t1.b');
    assert.equal((await first).value.token, 't1.b');
    await tokens.return(undefined as never);
  });

  it('ends with the reason of the signal, in whatever it is about', async () => {
    const waiting = watch();
    await waiting.next();
    const next = waiting.next();
    ending.abort(new Error('enough'));
    await assert.rejects(next, { message: 'enough' });
    await assert.rejects(watch().next(), { message: 'enough' });
  });
});
