import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, statSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { type IpcServer, type IpcServerOptions, nodeIpcServer } from '../../src/adapters/node-ipc-server.ts';
import { systemClock } from '../../src/adapters/system-clock.ts';
import type { AnswerMessage } from '../../src/protocol/messages.ts';
import type { Peer } from '../../src/protocol/peer.ts';
import { type RawPeer, rawPeer } from '../support/raw-peer.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

/** Gives back what it is sent; one that asks with `{ fill }` gets an answer of so many characters. */
function echo(data: unknown, peer: Peer): void {
  if (typeof data !== 'object' || data === null) return peer.close('a frame without a message');
  const { id = 0, fill } = data as { readonly id?: number; readonly fill?: number };
  peer.send(answer(id, fill === undefined ? data : 'x'.repeat(fill)));
}

function answer(id: number, result: unknown): AnswerMessage {
  return { v: 1, id, result };
}

describe('the IPC server', () => {
  const folder = temporaryFolder();
  const path = (): string => join(folder(), 'ipc.sock');
  let faults: string[] = [];
  let server: IpcServer | undefined;
  let peers: RawPeer[] = [];

  beforeEach(() => {
    faults = [];
    peers = [];
  });

  afterEach(async () => {
    for (const { socket } of peers) socket.destroy();
    await server?.close();
    server = undefined;
  });

  async function serve(options: Partial<IpcServerOptions> = {}): Promise<IpcServer> {
    server = await nodeIpcServer({
      listenOn: { path: path() },
      platform: process.platform,
      clock: systemClock(),
      onMessage: echo,
      onFault: (reason) => faults.push(reason),
      ...options,
    });
    await server.listen();
    return server;
  }

  async function peer(): Promise<RawPeer> {
    const made = await rawPeer(path());
    peers.push(made);
    return made;
  }

  async function asks(of: RawPeer, id: number): Promise<void> {
    of.send({ id });
    assert.deepEqual(await of.next(), answer(id, { id }));
  }

  it('answers what it is asked, in one piece, in many pieces and many in one', async () => {
    await serve();
    const client = await peer();
    await asks(client, 1);
    const frame = Buffer.from(`{"type":"iam-token","data":{"id":2,"ä€😀":"ä€😀"}}\f`);
    for (const byte of frame) client.write(Uint8Array.of(byte));
    assert.deepEqual(await client.next(), answer(2, { id: 2, 'ä€😀': 'ä€😀' }));
    client.write(Buffer.concat([frame, frame, frame]));
    for (let i = 0; i < 3; i++) assert.deepEqual(await client.next(), answer(2, { id: 2, 'ä€😀': 'ä€😀' }));
    assert.deepEqual(faults, []);
  });

  it('lets in whom it is told to, as what it is told, and says why it did not', async () => {
    let admission: ReturnType<NonNullable<IpcServerOptions['admit']>> = { isGuest: true };
    const guests: boolean[] = [];
    await serve({
      admit: () => admission,
      onMessage: (data, from) => {
        guests.push(from.isGuest);
        echo(data, from);
      },
    });
    await asks(await peer(), 1);
    admission = { isGuest: false };
    await asks(await peer(), 2);
    admission = { refused: 'it came from the moon' };
    const stranger = await peer();
    stranger.send({ id: 3 });
    await stranger.gone;
    assert.equal(stranger.untaken(), 0);
    assert.deepEqual(guests, [true, false]);
    assert.deepEqual(faults, ['it came from the moon']);
  });

  it('is for a group too where it is told so', async function () {
    const group = process.getuid?.() === 0 ? 61_234 : (process.getgid?.() ?? 0);
    await serve({ group });
    const { gid, mode } = statSync(path());
    assert.deepEqual([gid, mode & 0o777], [group, 0o660]);
  });

  it('is for nobody but its owner from the first moment, and leaves the umask as it was', async () => {
    const umask = process.umask(0);
    try {
      server = await nodeIpcServer({
        listenOn: { path: path() },
        platform: process.platform,
        clock: systemClock(),
        onMessage: echo,
        onFault: (reason) => faults.push(reason),
      });
      const listening = server.listen();
      assert.equal(statSync(path()).mode & 0o777, 0o600, 'before anybody can connect');
      await listening;
      assert.equal(statSync(path()).mode & 0o777, 0o600);
      assert.equal(process.umask(0), 0);
    } finally {
      process.umask(umask);
    }
  });

  it('says so when the path is taken', async () => {
    await serve();
    const second = await nodeIpcServer({
      listenOn: { path: path() },
      platform: process.platform,
      clock: systemClock(),
      onMessage: echo,
      onFault: (reason) => faults.push(reason),
    });
    await assert.rejects(second.listen(), { code: 'EADDRINUSE' });
    await asks(await peer(), 1);
  });

  const frame = (data: string, type = 'iam-token'): string => `{"type":"${type}","data":${data}}\f`;
  const deep = `${'['.repeat(30_000)}${']'.repeat(30_000)}`;
  const badInput: readonly (readonly [what: string, piece: string | Uint8Array, reason: RegExp])[] = [
    ['junk', 'GET / HTTP/1.1\r\n\r\n\f', /not valid JSON/],
    ['an empty frame', '\f', /not valid JSON/],
    ['half a frame', '{"type":"iam-token","da', /exceeded messageTimeout/],
    ['70,000 bytes without an end', 'x'.repeat(70_000), /exceeds maxMessageSize/],
    ['a frame of 70,000 bytes', frame(`{"a":"${'x'.repeat(70_000)}"}`), /exceeds maxMessageSize/],
    [
      'a frame of 70,000 bytes and fewer characters',
      frame(`{"a":"${'€'.repeat(23_400)}"}`),
      /exceeds maxMessageSize/,
    ],
    ['__proto__ as the event', frame('{}', '__proto__'), /not safe|not in allowedEvents/],
    ['constructor as the event', frame('{}', 'constructor'), /not in allowedEvents|not safe/],
    ['no data', '{"type":"iam-token"}\f', /a frame without a message/],
    ['null as data', frame('null'), /a frame without a message/],
    ['a number as data', frame('1'), /a frame without a message/],
    ['a foreign event', frame('{}', 'message'), /not in allowedEvents/],
    ["node-ipc's own event", frame('{}', 'connect'), /reserved|not in allowedEvents/],
    ['all events', frame('{}', '*'), /not safe|not in allowedEvents|reserved/],
    ['an event that is no text', '{"type":{"a":1},"data":{}}\f', /non-empty string/],
    ['an array', '[1,2,3]\f', /must be a JSON object/],
    ['null', 'null\f', /must be a JSON object/],
    ['a number', '1\f', /must be a JSON object/],
    ['bytes that are no text', Uint8Array.of(0xff, 0xfe, 0x00, 0x0c), /not valid JSON/],
    ['JSON that is nested too deep for a frame', `${deep}${deep}\f`, /exceeds maxMessageSize/],
    ['JSON that is nested deep', `${deep}\f`, /must be a JSON object/],
  ];
  /** What node-ipc's parser for Windows passes over. */
  const ignoredOnWindows = ['a foreign event', 'all events'];
  const each = (['linux', 'win32'] as const).flatMap((platform) =>
    badInput
      .filter(([what]) => platform !== 'win32' || !ignoredOnWindows.includes(what))
      .map((row) => [platform, ...row] as const),
  );
  for (const [platform, what, piece, reason] of each) {
    it(`(${platform}) closes the connection that sends ${what}, says why, and troubles nobody else`, async () => {
      await serve({ platform, messageTimeoutMs: 50 });
      const bystander = await peer();
      await asks(bystander, 1);
      const client = await peer();
      client.write(piece);
      await client.gone;
      assert.equal(client.untaken(), 0);
      assert.equal(faults.length, 1, faults.join('\n'));
      assert.match(faults[0] ?? '', reason);
      await asks(bystander, 2);
      await asks(await peer(), 3);
    });
  }

  it('(win32) passes over a foreign event, and answers what comes after it', async () => {
    await serve({ platform: 'win32' });
    const client = await peer();
    client.write(frame('{}', 'message') + frame('{}', '*'));
    await asks(client, 1);
    assert.equal(client.untaken(), 0);
    assert.deepEqual(faults, []);
  });

  it('takes a frame of 65,536 bytes, and not of one more', async () => {
    await serve();
    const client = await peer();
    const empty = frame('{"a":""}').length - 1;
    client.write(frame(`{"a":"${'x'.repeat(65_536 - empty)}","id":1}`).replace(',"id":1', ''));
    // What comes back is longer than a frame may be, for it has an answer around it.
    assert.deepEqual(await client.next(), {
      v: 1,
      id: 0,
      error: { code: 'internal', message: 'the answer is too long for a frame' },
    });
    client.write(frame(`{"a":"${'x'.repeat(65_536 - empty + 1)}"}`));
    await client.gone;
    assert.match(faults.join(), /exceeds maxMessageSize/);
  });

  it('makes an answer that outgrows a frame an internal error with the same id, and the connection lives', async () => {
    await serve();
    const client = await peer();
    client.send({ id: 7, fill: 65_536 });
    assert.deepEqual(await client.next(), {
      v: 1,
      id: 7,
      error: { code: 'internal', message: 'the answer is too long for a frame' },
    });
    await asks(client, 8);
    assert.deepEqual(faults, []);
  });

  it('drops an event that outgrows a frame', async () => {
    await serve({
      onMessage: (data, to) => {
        to.send({ v: 1, event: 'rotated', params: { profile: 'x'.repeat(70_000) } });
        echo(data, to);
      },
    });
    const client = await peer();
    await asks(client, 1);
    assert.equal(client.untaken(), 0);
  });

  it('handles nothing more of a connection that it closes', async () => {
    const seen: unknown[] = [];
    await serve({
      onMessage: (data, from) => {
        seen.push(data);
        echo(data, from);
      },
    });
    const client = await peer();
    client.write(`${frame('null')}${frame('{"id":1}')}${frame('null')}`);
    await client.gone;
    assert.deepEqual(seen, [null]);
    assert.equal(faults.length, 1);
  });

  it('closes the connection whose message could not be handled, and no other', async () => {
    await serve({
      onMessage: (data, from) => {
        if ((data as { readonly id: number }).id === 13) throw new Error('a bug');
        echo(data, from);
      },
    });
    const bystander = await peer();
    const client = await peer();
    client.send({ id: 13 });
    await client.gone;
    assert.deepEqual(faults, ['a message could not be handled: a bug']);
    await asks(bystander, 1);
  });

  it('gives a busy peer its time for each frame, and not for all of them', async () => {
    await serve({ messageTimeoutMs: 200 });
    const client = await peer();
    const whole = frame('{"id":1}');
    const startedMs = performance.now();
    client.write(whole.slice(0, 10));
    let answers = 0;
    while (performance.now() < startedMs + 500) {
      client.write(whole.slice(10) + whole.slice(0, 10));
      assert.deepEqual(await client.next(), answer(1, { id: 1 }));
      answers += 1;
    }
    assert.ok(answers > 2);
    assert.deepEqual(faults, []);
  });

  it('cuts off a peer that leaves its answers unread, and no other', async () => {
    await serve();
    const bystander = await peer();
    const client = await peer();
    client.socket.pause();
    for (let i = 0; i < 100; i++) client.send({ id: i, fill: 60_000 });
    while (faults.length === 0) await asks(bystander, 1);
    assert.match(faults.join(), /maxPendingBytes/);
    client.socket.resume();
    await client.gone;
    await asks(bystander, 2);
  });

  it('keeps a peer that reads its answers, as long as they are less than 1 MiB at once', async () => {
    await serve();
    const client = await peer();
    const count = 1_000;
    client.write(Array.from({ length: count }, (_, id) => frame(`{"id":${id},"fill":900}`)).join(''));
    for (let id = 0; id < count; id++) {
      assert.equal(((await client.next()) as { readonly id: number }).id, id);
    }
    assert.deepEqual(faults, []);
  });

  it('answers a peer that has said its last word', async () => {
    await serve();
    const client = await peer();
    client.socket.end(frame('{"id":1}'));
    assert.deepEqual(await client.next(), answer(1, { id: 1 }));
    await client.gone;
  });

  it('drops an answer to a peer that is gone', async () => {
    let late: Peer | undefined;
    await serve({ onMessage: (_data, from) => (late = from) });
    const client = await peer();
    client.send({});
    while (late === undefined) await new Promise((resolve) => setImmediate(resolve));
    const gone = new Promise<void>((resolve) => late?.onGone(resolve));
    client.socket.destroy();
    await gone;
    late.send(answer(1, {}));
    assert.deepEqual(faults, []);
  });

  it('tells once who asked that a peer is gone, and nobody who took that wish back', async () => {
    const told: string[] = [];
    let wished = 0;
    await serve({
      onMessage: (data, from) => {
        from.onGone(() => told.push('kept'));
        from.onGone(() => told.push('taken back'))();
        wished += 1;
        echo(data, from);
      },
    });
    const client = await peer();
    await asks(client, 1);
    client.socket.destroy();
    while (told.length === 0) await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual([wished, told], [1, ['kept']]);
  });

  describe('at its end', () => {
    async function closedWithinASecond(): Promise<void> {
      const startedMs = performance.now();
      await server?.close();
      assert.ok(performance.now() - startedMs < 1_000);
    }

    it('gives its last answers, takes no new peer and takes its socket away', async () => {
      let first: Peer | undefined;
      await serve({ onMessage: (_data, from) => (first = from) });
      const client = await peer();
      client.send({});
      while (first === undefined) await new Promise((resolve) => setImmediate(resolve));
      for (let id = 0; id < 10; id++) first.send(answer(id, 'x'.repeat(60_000)));
      const closed = closedWithinASecond();
      assert.equal(existsSync(path()), false);
      for (let id = 0; id < 10; id++) {
        assert.equal(((await client.next()) as { readonly id: number }).id, id);
      }
      await client.gone;
      await closed;
      await assert.rejects(once(connect(path()), 'connect'), { code: 'ENOENT' });
    });

    it('does not wait for a peer that stays', async () => {
      await serve();
      for (let i = 0; i < 10; i++) await asks(await peer(), i);
      await closedWithinASecond();
    });

    it('does not wait for a peer that goes on talking', async () => {
      await serve();
      const client = await peer();
      await asks(client, 1);
      const talking = setInterval(() => client.write('{'), 20);
      try {
        await closedWithinASecond();
      } finally {
        clearInterval(talking);
      }
    });

    it('does not wait for a peer that reads nothing', async () => {
      await serve();
      const client = await peer();
      client.socket.pause();
      for (let i = 0; i < 10; i++) client.send({ id: i, fill: 60_000 });
      await asks(await peer(), 1);
      await closedWithinASecond();
    });
  });

  it('serves 2,000 connections at once', async () => {
    await serve();
    const all = await Promise.all(Array.from({ length: 2_000 }, () => peer()));
    await Promise.all(all.map((client, id) => asks(client, id)));
    for (const { socket } of all.slice(0, 1_999)) socket.destroy();
    await Promise.all(all.slice(0, 1_999).map(({ gone }) => gone));
    const [last] = all.slice(-1);
    if (last !== undefined) await asks(last, 1);
    assert.deepEqual(faults, []);
  });
});
