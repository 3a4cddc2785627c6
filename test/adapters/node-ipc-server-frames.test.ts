import assert from 'node:assert/strict';
import { echo, expectEcho, formatFrame, useIpcServer } from '../support/daemon/ipc-server-fixture.ts';

describe('createNodeIpcServer, frames', () => {
  const ipc = useIpcServer();

  const deepJson = `${'['.repeat(30_000)}${']'.repeat(30_000)}`;
  const badInput: readonly (readonly [what: string, chunk: string | Uint8Array, reason: RegExp])[] = [
    ['text that is not JSON', 'GET / HTTP/1.1\r\n\r\n\f', /not valid JSON/],
    ['an empty frame', '\f', /not valid JSON/],
    ['half a frame', '{"type":"iam-token","da', /exceeded messageTimeout/],
    ['70,000 bytes without an end', 'x'.repeat(70_000), /exceeds maxMessageSize/],
    ['a frame of 70,000 bytes', formatFrame(`{"a":"${'x'.repeat(70_000)}"}`), /exceeds maxMessageSize/],
    [
      'a frame of 70,000 bytes and fewer characters',
      formatFrame(`{"a":"${'€'.repeat(23_400)}"}`),
      /exceeds maxMessageSize/,
    ],
    ['__proto__ as the event', formatFrame('{}', '__proto__'), /not safe|not in allowedEvents/],
    ['constructor as the event', formatFrame('{}', 'constructor'), /not in allowedEvents|not safe/],
    ['no data', '{"type":"iam-token"}\f', /a frame without a message/],
    ['null as data', formatFrame('null'), /a frame without a message/],
    ['a number as data', formatFrame('1'), /a frame without a message/],
    ['another event name', formatFrame('{}', 'message'), /not in allowedEvents/],
    ["node-ipc's own event", formatFrame('{}', 'connect'), /reserved|not in allowedEvents/],
    ['the wildcard event', formatFrame('{}', '*'), /not safe|not in allowedEvents|reserved/],
    ['an event name that is not a string', '{"type":{"a":1},"data":{}}\f', /non-empty string/],
    ['an array', '[1,2,3]\f', /must be a JSON object/],
    ['null', 'null\f', /must be a JSON object/],
    ['a number', '1\f', /must be a JSON object/],
    ['invalid UTF-8', Uint8Array.of(0xff, 0xfe, 0x00, 0x0c), /not valid JSON/],
    ['JSON that is nested too deep for a frame', `${deepJson}${deepJson}\f`, /exceeds maxMessageSize/],
    ['JSON that is nested deep', `${deepJson}\f`, /must be a JSON object/],
  ];
  /** Ignored by node-ipc's parser for Windows. */
  const ignoredOnWindows = ['another event name', 'the wildcard event'];
  const platformCases = (['linux', 'win32'] as const).flatMap((platform) =>
    badInput
      .filter(([what]) => platform !== 'win32' || !ignoredOnWindows.includes(what))
      .map((row) => [platform, ...row] as const),
  );
  for (const [platform, what, chunk, reason] of platformCases) {
    it(`(${platform}) closes only the connection that sends ${what}, and reports the reason`, async () => {
      await ipc.startServer({ platform, messageTimeoutMs: 50 });
      const bystander = await ipc.connectClient();
      await expectEcho(bystander, 1);
      const client = await ipc.connectClient();
      client.write(chunk);
      await client.closed;
      assert.equal(client.countQueuedFrames(), 0);
      assert.equal(ipc.errors().length, 1, ipc.errors().join('\n'));
      assert.match(ipc.errors()[0] ?? '', reason);
      await expectEcho(bystander, 2);
      await expectEcho(await ipc.connectClient(), 3);
    });
  }

  it('(win32) ignores another event name, and handles the next frame', async () => {
    await ipc.startServer({ platform: 'win32' });
    const client = await ipc.connectClient();
    client.write(formatFrame('{}', 'message') + formatFrame('{}', '*'));
    await expectEcho(client, 1);
    assert.equal(client.countQueuedFrames(), 0);
    assert.deepEqual(ipc.errors(), []);
  });

  it('accepts a frame of 65,536 bytes, and rejects a longer one', async () => {
    await ipc.startServer();
    const client = await ipc.connectClient();
    const empty = formatFrame('{"a":""}').length - 1;
    client.write(formatFrame(`{"a":"${'x'.repeat(65_536 - empty)}","id":1}`).replace(',"id":1', ''));
    // The response wraps the data, and so exceeds the limit.
    assert.deepEqual(await client.nextData(), {
      v: 1,
      id: 0,
      error: { code: 'internal', message: 'the response is too long for a frame' },
    });
    client.write(formatFrame(`{"a":"${'x'.repeat(65_536 - empty + 1)}"}`));
    await client.closed;
    assert.match(ipc.errors().join(), /exceeds maxMessageSize/);
  });

  it('replaces a response that exceeds a frame by an internal error, and keeps the connection', async () => {
    await ipc.startServer();
    const client = await ipc.connectClient();
    client.send({ id: 7, fill: 65_536 });
    assert.deepEqual(await client.nextData(), {
      v: 1,
      id: 7,
      error: { code: 'internal', message: 'the response is too long for a frame' },
    });
    await expectEcho(client, 8);
    assert.deepEqual(ipc.errors(), []);
  });

  it('drops an event that exceeds a frame', async () => {
    await ipc.startServer({
      onMessage: (data, to) => {
        to.send({ v: 1, event: 'rotated', params: { profile: 'x'.repeat(70_000) } });
        echo(data, to);
      },
    });
    const client = await ipc.connectClient();
    await expectEcho(client, 1);
    assert.equal(client.countQueuedFrames(), 0);
  });
});
