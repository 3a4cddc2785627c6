import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import * as methods from '../../src/protocol/methods.ts';
import { patienceOf } from '../../src/client/patience.ts';
import { dial, dialFirst } from '../../src/client/dial.ts';
import { getIamToken, IamTokenError, type IamTokenErrorCode } from '../../src/client/iam-token-client.ts';
import { requestToken } from '../../src/client/request-token.ts';
import { surroundingsOfProcess } from '../../src/platform/surroundings.ts';
import { encodeFrame } from '../../src/protocol/frames.ts';
import { answering, failing, type Script, ScriptedDaemon } from '../support/scripted-daemon.ts';

const token = {
  token: 't1.9eu-token.signature',
  expiresAt: '2026-11-24T22:04:05.000Z',
  profile: 'work',
  subject: 'aje0ada',
};

async function failure(work: Promise<unknown>): Promise<IamTokenError> {
  try {
    await work;
  } catch (error) {
    assert.ok(error instanceof IamTokenError, String(error));
    return error;
  }
  throw new Error('it did not fail');
}

describe('getIamToken', () => {
  let daemon: ScriptedDaemon;

  async function start(script: Script): Promise<string> {
    daemon = await ScriptedDaemon.start(script);
    return daemon.socketPath;
  }

  afterEach(() => daemon?.close());

  it('gives the token, its end, its profile and its subject', async () => {
    const socketPath = await start(answering({ token }));
    assert.deepEqual(await getIamToken({ socketPath }), token);
    assert.deepEqual(daemon.requests, [{ v: 1, id: 1, method: 'token', params: {} }]);
  });

  it('asks for the profile and the life that it was told', async () => {
    const socketPath = await start(answering({ token }));
    await getIamToken({ socketPath, profile: 'work', minTtlMs: 600_000 });
    assert.deepEqual(daemon.requests[0]?.params, { profile: 'work', minTtlMs: 600_000 });
  });

  it("passes on the daemon's warning", async () => {
    const warning = { code: 'login_required', message: 'the token was revoked', hint: 'iam-token login' };
    const socketPath = await start(answering({ token: { ...token, warning } }));
    assert.deepEqual((await getIamToken({ socketPath })).warning, warning);
  });

  it("throws the daemon's error, with its hint and its wait", async () => {
    const problem = {
      code: 'unavailable',
      message: 'IAM does not answer',
      hint: 'iam-token status',
      retryAfterMs: 5_000,
    } as const;
    const error = await failure(getIamToken({ socketPath: await start(failing(problem)) }));
    const { code, message, hint, retryAfterMs } = error;
    assert.deepEqual({ code, message, hint, retryAfterMs }, problem);
  });

  it('says what to do about a daemon of another version', async () => {
    const script: Script = ({ id }, peer) => {
      const error = { code: 'unsupported_version', message: 'this daemon speaks version 2 of the protocol' };
      peer.raw(encodeFrame({ v: 2, id, error }));
    };
    const error = await failure(getIamToken({ socketPath: await start(script) }));
    assert.equal(error.code, 'unsupported_version');
    assert.match(error.hint ?? '', /iam-token stop/);
  });

  it('takes a code that it does not know for internal', async () => {
    const script: Script = ({ id }, peer) => {
      peer.raw(encodeFrame({ v: 1, id, error: { code: 'on_holiday', message: 'back on Monday' } }));
    };
    const error = await failure(getIamToken({ socketPath: await start(script) }));
    assert.deepEqual([error.code, error.message], ['internal', 'back on Monday']);
  });

  it('takes an error without an id for its own', async () => {
    const script: Script = (_, peer) => {
      peer.raw(encodeFrame({ v: 1, id: null, error: { code: 'bad_request', message: 'no id' } }));
    };
    assert.equal((await failure(getIamToken({ socketPath: await start(script) }))).code, 'bad_request');
  });

  it('leaves out what the protocol does not document', async () => {
    const socketPath = await start(answering({ token: { ...token, mood: 'good' } }));
    assert.deepEqual(await getIamToken({ socketPath }), token);
  });

  const wrongAnswers: readonly (readonly [string, unknown])[] = [
    ['nothing', null],
    ['a list', []],
    ['a text', 't1.token'],
    ['no token', { ...token, token: undefined }],
    ['an empty token', { ...token, token: '' }],
    ['a token that would break a header', { ...token, token: 't1.a\r\nX-Evil: 1' }],
    ['a token with a space', { ...token, token: 't1 a' }],
    ['a token that is no ASCII', { ...token, token: 't1.ё' }],
    ['a number for a time', { ...token, expiresAt: 1_764_000_000 }],
    ['a text that is no time', { ...token, expiresAt: '2026-13-44T25:04:05.000Z' }],
    ['a time without a zone', { ...token, expiresAt: '2026-11-24T22:04:05' }],
    ['no profile', { ...token, profile: null }],
    ['no subject', { ...token, subject: undefined }],
    ['a warning that is a text', { ...token, warning: 'beware' }],
    ['a warning without a message', { ...token, warning: { code: 'login_required' } }],
  ];
  for (const [what, answer] of wrongAnswers) {
    it(`does not take ${what} for an answer`, async () => {
      const error = await failure(
        getIamToken({ socketPath: await start(answering({ token: () => answer })) }),
      );
      assert.equal(error.code, 'internal');
      assert.match(error.message, /^the daemon's answer is not understood: the answer to token/);
    });
  }

  const foreign: readonly (readonly [string, string | Uint8Array])[] = [
    ['junk', 'HTTP/1.1 400 Bad Request\r\n\r\n\f'],
    ['another event', '{"type":"else","data":{}}\f'],
    ['a bare message', '{"v":1,"id":1,"result":{}}\f'],
    ['data that is null', '{"type":"iam-token","data":null}\f'],
    ['data that is a list', '{"type":"iam-token","data":[]}\f'],
    ['another version', encodeFrame({ v: 9, id: 1, result: token })],
    ['a result without an id', encodeFrame({ v: 1, result: token })],
    ['an id that is a text', encodeFrame({ v: 1, id: '1', result: token })],
    ['an error that is a text', encodeFrame({ v: 1, id: 1, error: 'no' })],
    ['bytes that are no UTF-8', Uint8Array.of(0xff, 0xfe, 0x0c)],
    ['a frame that never ends', 'x'.repeat(70_000)],
  ];
  for (const [what, bytes] of foreign) {
    it(`has done with what answers ${what}`, async () => {
      const socketPath = await start((_, peer) => peer.raw(bytes));
      const error = await failure(getIamToken({ socketPath }));
      assert.equal(error.code, 'internal');
      assert.match(error.message, /does not speak the protocol/);
      assert.ok(error.cause instanceof Error);
    });
  }

  it('understands a frame cut at any byte', async () => {
    const answer = Buffer.from(encodeFrame({ v: 1, id: 1, result: { ...token, profile: 'работа' } }));
    let cutAt = 0;
    const socketPath = await start((_, peer) => {
      peer.raw(answer.subarray(0, cutAt));
      setImmediate(() => peer.raw(answer.subarray(cutAt)));
    });
    for (cutAt = 1; cutAt < answer.length; cutAt += 1) {
      assert.equal((await getIamToken({ socketPath })).profile, 'работа', `cut at ${cutAt}`);
    }
  });

  for (const [when, said] of [
    ['before it answers', ''],
    ['in the middle of an answer', encodeFrame({ v: 1, id: 1, result: token }).slice(0, 40)],
  ] as const) {
    it(`is told when the daemon hangs up ${when}`, async () => {
      const socketPath = await start((_, peer) => {
        peer.raw(said);
        peer.end();
      });
      const { code, message } = await failure(getIamToken({ socketPath }));
      assert.deepEqual([code, message], ['unreachable', 'the daemon closed the connection']);
    });
  }

  it('asks anew where a daemon that was cut off has come back, and not for ever', async () => {
    let connections = 0;
    const socketPath = await start((request, peer) => {
      connections += 1;
      if (connections < 4) peer.end();
      else peer.answer(request, token);
    });
    assert.equal((await getIamToken({ socketPath })).token, token.token);
    connections = -10;
    await failure(getIamToken({ socketPath }));
    assert.equal(connections, -4);
  });

  it('does not wait longer than it was told', async () => {
    const socketPath = await start(() => {});
    const error = await failure(getIamToken({ socketPath, timeoutMs: 30 }));
    assert.deepEqual([error.code, error.message], ['unavailable', 'the daemon did not answer within 30 ms']);
  });

  it("ends with its signal's reason, whenever that aborts", async () => {
    const aborted = new Error('enough');
    const controller = new AbortController();
    const socketPath = await start(() => controller.abort(aborted));
    await assert.rejects(
      getIamToken({ socketPath, signal: controller.signal }),
      (error) => error === aborted,
    );
    await assert.rejects(
      getIamToken({ socketPath, signal: controller.signal }),
      (error) => error === aborted,
    );
    assert.equal(daemon.requests.length, 1);
  });

  it('leaves nothing on a signal that it was lent', async () => {
    let listeners = 0;
    const { signal } = new AbortController();
    const add = signal.addEventListener.bind(signal);
    const remove = signal.removeEventListener.bind(signal);
    signal.addEventListener = (...args: Parameters<typeof add>) => {
      listeners += 1;
      add(...args);
    };
    signal.removeEventListener = (...args: Parameters<typeof remove>) => {
      listeners -= 1;
      remove(...args);
    };
    const socketPath = await start(answering({ token }));
    await getIamToken({ socketPath, signal });
    assert.equal(listeners, 0);
  });

  it('refuses to send what outgrows a frame', async () => {
    const socketPath = await start(answering({ token }));
    const error = await failure(getIamToken({ socketPath, profile: 'x'.repeat(70_000) }));
    assert.equal(error.code, 'bad_request');
    assert.equal(daemon.requests.length, 0);
  });
});

describe('the way to the daemon', () => {
  const surroundings = { ...surroundingsOfProcess(), env: {} };
  let folder: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'iam-tokend-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  async function refused(socketPath: string): Promise<IamTokenError> {
    return failure(requestToken({ socketPath }, surroundings));
  }

  it('ends with a hint where nothing listens', async () => {
    writeFileSync(join(folder, 'file.sock'), '');
    for (const name of ['none.sock', 'file.sock', 'none/ipc.sock']) {
      const path = join(folder, name);
      const error = await refused(path);
      assert.deepEqual([error.code, error.message], ['unreachable', `nothing listens at ${path}`]);
      assert.equal(error.hint, `iam-tokend --socket '${path}' &`);
    }
  });

  it('ends where the folder of the socket cannot be trusted, before anything is said', async () => {
    const daemon = await ScriptedDaemon.start(answering({ token }), join(folder, 'ipc.sock'));
    const link = join(folder, 'link');
    symlinkSync(folder, link);
    try {
      const cases: readonly (readonly [number, string, RegExp])[] = [
        [0o770, daemon.socketPath, /is open to others \(mode 0770\)/],
        [0o1777, daemon.socketPath, /is open to others \(mode 1777\)/],
        [0o700, join(link, 'ipc.sock'), /is a link/],
      ];
      for (const [mode, path, why] of cases) {
        chmodSync(folder, mode);
        const error = await refused(path);
        assert.equal(error.code, 'unreachable');
        assert.match(error.message, why);
      }
      assert.equal(daemon.connections, 0);
    } finally {
      await daemon.close();
    }
  });

  it('ends with bad_request for a path that no socket can have', async () => {
    assert.equal((await refused(`/${'x'.repeat(103)}`)).code, 'bad_request');
    assert.equal((await refused('/a\0b')).code, 'bad_request');
  });

  it('goes by IAM_TOKEND_SOCKET and IAM_TOKEND_PROFILE, and by what it is told before that', async () => {
    const daemon = await ScriptedDaemon.start(answering({ token }));
    try {
      const env = { IAM_TOKEND_SOCKET: daemon.socketPath, IAM_TOKEND_PROFILE: 'home' };
      await requestToken({}, { ...surroundings, env });
      await requestToken({ profile: 'work' }, { ...surroundings, env });
      assert.deepEqual(
        daemon.requests.map(({ params }) => params),
        [{ profile: 'home' }, { profile: 'work' }],
      );
      const error = await failure(
        requestToken({ socketPath: join(folder, 'ipc.sock') }, { ...surroundings, env }),
      );
      assert.equal(error.code, 'unreachable');
    } finally {
      await daemon.close();
    }
  });

  it('takes an empty variable for none', async () => {
    const own = join(folder, 'iam-tokend');
    mkdirSync(own, { mode: 0o700 });
    const daemon = await ScriptedDaemon.start(answering({ token }), join(own, 'ipc.sock'));
    try {
      const env = { IAM_TOKEND_SOCKET: '', IAM_TOKEND_PROFILE: '', XDG_RUNTIME_DIR: folder };
      await requestToken({}, { ...surroundings, env });
      assert.deepEqual(daemon.requests[0]?.params, {});
    } finally {
      await daemon.close();
    }
  });

  it('leads to the second place where the first has nothing, or something dead', async () => {
    for (const name of ['empty', 'dead', 'alive']) mkdirSync(join(folder, name), { mode: 0o700 });
    writeFileSync(join(folder, 'dead/ipc.sock'), '');
    const placeIn = (name: string): string => join(folder, name, 'ipc.sock');
    const alive = placeIn('alive');
    const daemon = await ScriptedDaemon.start(answering({ token }), alive);
    try {
      for (const first of ['none', 'empty', 'dead']) {
        const connection = await dialFirst([placeIn(first), alive], false, surroundings, patienceOf(5_000));
        connection.close();
      }
      const paths = [placeIn('none'), placeIn('dead')];
      const error = await failure(dialFirst(paths, false, surroundings, patienceOf(5_000)));
      assert.deepEqual(
        [error.code, error.message, error.hint],
        ['unreachable', `nothing listens at ${paths.join(' or ')}`, 'iam-tokend &'],
      );
    } finally {
      await daemon.close();
    }
  });

  it('does not lead past a first place that cannot be trusted', async () => {
    for (const name of ['open', 'alive']) mkdirSync(join(folder, name), { mode: 0o700 });
    chmodSync(join(folder, 'open'), 0o755);
    const alive = join(folder, 'alive/ipc.sock');
    const daemon = await ScriptedDaemon.start(answering({ token }), alive);
    try {
      const paths = [join(folder, 'open/ipc.sock'), alive];
      const error = await failure(dialFirst(paths, false, surroundings, patienceOf(5_000)));
      assert.match(error.message, /is open to others/);
      assert.equal(daemon.connections, 0);
    } finally {
      await daemon.close();
    }
  });

  it('waits in line where too many come at once', async () => {
    const socketPath = join(folder, 'ipc.sock');
    // Listens with the shortest queue there is, and does not look for a while.
    const crowded = spawn('python3', [
      '-c',
      `import socket, sys
listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[1])
listener.listen(0)
print('listening', flush=True)
sys.stdin.readline()
while True:
    peer, _ = listener.accept()
    peer.recv(65536)
    peer.sendall(sys.argv[2].encode())
    peer.close()
`,
      socketPath,
      encodeFrame({ v: 1, id: 1, result: token }),
    ]);
    try {
      await new Promise((resolve) => {
        crowded.stdout.once('data', resolve);
      });
      const asked = Array.from({ length: 8 }, () => requestToken({ socketPath }, surroundings));
      const late = await failure(requestToken({ socketPath, timeoutMs: 50 }, surroundings));
      assert.deepEqual(
        [late.code, late.message],
        ['unreachable', `cannot connect to ${socketPath}: no answer within 50 ms`],
      );
      crowded.stdin.write('\n');
      for (const answer of await Promise.all(asked)) assert.deepEqual(answer, token);
    } finally {
      crowded.kill();
    }
  });
});

describe('a connection', () => {
  const surroundings = { ...surroundingsOfProcess(), env: {} };

  it('sends requests without waiting, and sorts the answers by their ids', async () => {
    const held: (() => void)[] = [];
    const daemon = await ScriptedDaemon.start((request, peer) => {
      const { profile } = request.params as { readonly profile: string };
      held.push(() => peer.answer(request, { ...token, profile }));
      if (held.length === 3) for (const answer of held.toReversed()) answer();
    });
    const patience = patienceOf(5_000);
    const connection = await dial(daemon.socketPath, surroundings, patience);
    try {
      const answers = await Promise.all(
        ['a', 'b', 'c'].map((profile) => connection.ask(methods.token, { profile }, patience)),
      );
      assert.deepEqual(
        answers.map(({ profile }) => profile),
        ['a', 'b', 'c'],
      );
      assert.equal(daemon.connections, 1);
    } finally {
      connection.close();
      await daemon.close();
    }
  });

  it('goes on after a request that was given up, and passes over its late answer', async () => {
    const daemon = await ScriptedDaemon.start((request, peer) => {
      if (request.method === 'token') return;
      peer.raw(encodeFrame({ v: 1, id: request.id - 1, result: token }));
      peer.answer(request, { version: '0.1.0', protocol: 1 });
    });
    const patience = patienceOf(5_000);
    const connection = await dial(daemon.socketPath, surroundings, patience);
    try {
      const late = await failure(connection.ask(methods.token, {}, patienceOf(20)));
      assert.equal(late.code, 'unavailable');
      assert.equal((await connection.ask(methods.hello, {}, patience)).protocol, 1);
    } finally {
      connection.close();
      await daemon.close();
    }
  });

  it('hands on events, and passes over those that it does not know', async () => {
    const daemon = await ScriptedDaemon.start((request, peer) => {
      peer.answer(request, {});
      peer.raw(encodeFrame({ v: 1, event: 'moved', params: { profile: 'work' } }));
      peer.send('rotated', { profile: 'work', expiresAt: token.expiresAt });
    });
    const patience = patienceOf(5_000);
    const connection = await dial(daemon.socketPath, surroundings, patience);
    try {
      const event = new Promise((resolve) => {
        connection.onEvent(resolve);
      });
      await connection.ask(methods.subscribe, {}, patience);
      assert.deepEqual(await event, {
        v: 1,
        event: 'rotated',
        params: { profile: 'work', expiresAt: token.expiresAt },
      });
    } finally {
      connection.close();
      await daemon.close();
    }
  });

  it('fails all that wait, and all that come later, once it is over', async () => {
    const daemon = await ScriptedDaemon.start((_, peer) => peer.end());
    const patience = patienceOf(5_000);
    const connection = await dial(daemon.socketPath, surroundings, patience);
    try {
      const both = [connection.ask(methods.token, {}, patience), connection.ask(methods.hello, {}, patience)];
      for (const asked of both) assert.equal((await failure(asked)).code, 'unreachable');
      await connection.untilEnded(patience);
      assert.equal((await failure(connection.ask(methods.hello, {}, patience))).code, 'unreachable');
    } finally {
      await daemon.close();
    }
  });

  it('never sends a secret to a socket in a folder that is not ours alone', async () => {
    const daemon = await ScriptedDaemon.start(answering({ token }));
    chmodSync(dirname(daemon.socketPath), 0o755);
    const patience = patienceOf(5_000);
    const connection = await dial(daemon.socketPath, surroundings, patience);
    try {
      const error = await failure(
        connection.ask(methods.login, { kind: 'oauth', secret: 'y0_secret' }, patience),
      );
      assert.equal(error.code, 'bad_request');
      const unlock = await failure(connection.ask(methods.unlock, { passphrase: 'cAnArY' }, patience));
      assert.equal(unlock.code, 'bad_request');
      assert.equal((await connection.ask(methods.token, {}, patience)).profile, 'work');
      assert.deepEqual(
        daemon.requests.map(({ method }) => method),
        ['token'],
      );
    } finally {
      connection.close();
      await daemon.close();
    }
  });

  it('tells a server that takes connections and says nothing from one that is not there', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'iam-tokend-'));
    const silent = createServer(() => {});
    const socketPath = join(folder, 'ipc.sock');
    await new Promise<void>((resolve) => {
      silent.listen(socketPath, resolve);
    });
    try {
      const codes: IamTokenErrorCode[] = [];
      for (const path of [socketPath, join(folder, 'other.sock')]) {
        codes.push((await failure(requestToken({ socketPath: path, timeoutMs: 30 }, surroundings))).code);
      }
      assert.deepEqual(codes, ['unavailable', 'unreachable']);
    } finally {
      silent.close();
      rmSync(folder, { recursive: true });
    }
  });
});
