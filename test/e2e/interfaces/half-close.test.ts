import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { connectRawPeer } from '../../support/daemon/raw-peer.ts';
import { oauthToken, type TestEnvironment, startTestEnvironment } from '../../support/test-environment.ts';
import { waitUntil } from '../../support/wait-until.ts';

const request = (id: number, method: string): string =>
  `${JSON.stringify({ type: 'iam-token', data: { v: 1, id, method } })}\f`;

/** As `nc -N -U` does. */
describe('a client that ends its side of the connection after its requests', () => {
  let testEnv: TestEnvironment;

  before(async () => {
    testEnv = await startTestEnvironment({ store: 'memory', config: 'http: { socket: true }\n' });
    await testEnv.startDaemon();
    assert.equal((await testEnv.iamToken(['login', '--stdin'], oauthToken)).code, 0);
  });
  after(() => testEnv.stop());

  it('A9: receives the outcome of an exchange, then the end', async () => {
    const client = await connectRawPeer(testEnv.socketPath);
    client.socket.end(request(1, 'refresh') + request(2, 'status'));
    const responses = (await Promise.all([client.nextData(), client.nextData()])) as {
      readonly id: number;
      readonly result?: object;
    }[];
    assert.deepEqual(new Set(responses.map(({ id, result }) => result && id)), new Set([1, 2]));
    await client.closed;
  });

  it('A9: receives the response to subscribe, then the end instead of events', async () => {
    const client = await connectRawPeer(testEnv.socketPath);
    client.socket.end(request(1, 'subscribe'));
    assert.deepEqual(await client.nextData(), { v: 1, id: 1, result: {} });
    await client.closed;
  });

  it('A9: is noticed when it closes the connection, and its login is cancelled', async () => {
    const countExchanges = (): number => testEnv.emulator.countRequests('POST /iam/v1/tokens');
    const exchangesBefore = countExchanges();
    testEnv.emulator.setFault({ kind: 'hang' }, 1);
    const client = await connectRawPeer(testEnv.socketPath);
    const params = { profile: 'second', kind: 'oauth', secret: oauthToken };
    const data = { v: 1, id: 1, method: 'login', params };
    client.socket.end(`${JSON.stringify({ type: 'iam-token', data })}\f`);
    await waitUntil(() => countExchanges() > exchangesBefore, 'the exchange has begun');
    client.socket.destroy();
    await waitUntil(
      () => testEnv.readLog().includes('login failed: the request to IAM was cancelled'),
      'the login is cancelled',
    );
  });

  it('A9: receives its response from http.sock', async () => {
    const path = testEnv.socketPath.replace('ipc.sock', 'http/http.sock');
    const socket = connect({ path, allowHalfOpen: true });
    socket.end('GET /v1/token HTTP/1.1\r\nHost: localhost\r\n\r\n');
    assert.match(await text(socket), /^HTTP\/1\.1 200 /);
  });
});
