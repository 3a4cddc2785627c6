import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { createServer as createTcpServer } from 'node:net';
import { startEmulator } from '../../emulator/emulator.ts';
import { listenOnLoopback } from '../../support/network/loopback.ts';
import { tlsCertificate, tlsKey } from '../../support/network/tls-certificate.ts';
import { createRealClock } from '../../support/time/real-clock.ts';
import {
  describeFaults,
  type FaultCase,
  healthyProfile,
  setEndpoint,
  startServer,
  useDoctorFixture,
  writeConfig,
} from './doctor-fixture.ts';

async function findClosedPort(): Promise<number> {
  const server = createTcpServer();
  const port = await listenOnLoopback(server);
  await new Promise((resolve) => server.close(resolve));
  return port;
}

const faultCases: readonly FaultCase[] = [
  [
    'a clock that is hours slow',
    'clock',
    0,
    /is (3 h|2 h 59 min) behind IAM/,
    ({ emulator }) => void (emulator.clockOffsetMs = 3 * 60 * 60_000),
  ],
  [
    'a name that cannot be resolved',
    'dns',
    5,
    /cannot resolve the host name .*\.invalid/,
    // A label has at most 63 characters (RFC 1035, 2.3.4): no server is queried.
    (fixture) => setEndpoint(fixture, `https://${'x'.repeat(64)}.invalid`),
  ],
  [
    'a proxy that does not listen',
    'proxy',
    5,
    /127\.0\.0\.1:\d+: .*refused/,
    async (fixture) => {
      setEndpoint(fixture, 'https://iam.invalid');
      fixture.env['HTTPS_PROXY'] = `http://127.0.0.1:${await findClosedPort()}`;
    },
  ],
  [
    'a proxy that rejects connections',
    'proxy',
    5,
    /refuses connections/,
    async (fixture) => {
      const proxy = createServer();
      proxy.on('connect', (_, socket) => void socket.end('HTTP/1.1 403 Forbidden\r\n\r\n'));
      setEndpoint(fixture, 'https://iam.invalid');
      writeConfig(fixture, `network: { proxy: "${await startServer(fixture, proxy)}" }\n`);
    },
  ],
  [
    'an untrusted certificate',
    'tls',
    5,
    /is not trusted/,
    async (fixture) => {
      const server = createTlsServer({ key: tlsKey, cert: tlsCertificate });
      setEndpoint(fixture, (await startServer(fixture, server)).replace('http', 'https'));
    },
  ],
  [
    'an endpoint that does not listen',
    'iam',
    5,
    /refused/,
    async (fixture) => setEndpoint(fixture, `https://127.0.0.1:${await findClosedPort()}`),
  ],
  [
    'a service that is down',
    'iam',
    5,
    /IAM returned HTTP 503/,
    ({ emulator }) => emulator.setFault({ kind: 'unavailable' }),
  ],
  ["a network's login page", 'iam', 5, /a web page/, ({ emulator }) => emulator.setFault({ kind: 'html' })],
];

describeFaults('doctor, on the way to IAM', faultCases);

describe('doctor, on the way to IAM', () => {
  const { fixture, runChecks } = useDoctorFixture();

  it('probes the endpoint of each profile', async () => {
    const otherEmulator = await startEmulator({ clock: createRealClock() });
    fixture().cleanUps.push(() => otherEmulator.close());
    fixture().profiles.push({
      ...healthyProfile,
      profile: 'other',
      isDefault: false,
      endpoint: otherEmulator.url,
    });
    const { findings } = await runChecks();
    assert.deepEqual(
      findings.filter(({ check }) => check === 'iam').map(({ reason }) => reason),
      [`${fixture().emulator.url} responds`, `${otherEmulator.url} responds`],
    );
  });

  it('quotes the endpoint in the commands of its hints', async () => {
    const hintOf = async (name: string): Promise<string> =>
      JSON.stringify((await runChecks()).findings.find(({ check }) => check === name)?.command);
    const hostname = `a;b$c.${'x'.repeat(64)}.invalid`;
    setEndpoint(fixture(), `https://${hostname}`);
    assert.ok((await hintOf('dns')).includes(` '${hostname}'`), await hintOf('dns'));
    const endpoint = `https://127.0.0.1:${await findClosedPort()}/a;b`;
    setEndpoint(fixture(), endpoint);
    assert.ok((await hintOf('iam')).includes(`curl -v '${endpoint}'`), await hintOf('iam'));
  });

  it('reports a proxy that the service does not inherit', async () => {
    const proxy = createServer();
    proxy.on('connect', (_, socket) => void socket.end('HTTP/1.1 403 Forbidden\r\n\r\n'));
    fixture().daemon = { ...fixture().daemon, manager: { kind: 'launchd', unit: 'iam-tokend' } };
    setEndpoint(fixture(), 'https://iam.invalid');
    fixture().env['HTTPS_PROXY'] = await startServer(fixture(), proxy);
    fixture().env['NO_PROXY'] = '.invalid';
    assert.equal((await runChecks()).findings.find(({ check }) => check === 'proxy')?.reason, 'none');
    delete fixture().env['NO_PROXY'];
    assert.match(
      (await runChecks()).findings.find(({ check }) => check === 'proxy')?.reason ?? '',
      /refuses connections/,
    );
  });
});
