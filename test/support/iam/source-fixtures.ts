import { createPrivateKey, sign } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createProgramRunner } from '../../../src/adapters/child-process.ts';
import { createDirectHttpClient } from '../network/http-client-fixture.ts';
import { createProbeService } from '../../../src/sources/exchange/service-probe.ts';
import { FileDeadline } from '../../../src/files/file-deadline.ts';
import { type Emulator, startEmulator } from '../../emulator/emulator.ts';
import { isExecutable } from '../../../src/platform/process-context.ts';
import type { SourceFixture } from '../../sources/source-contract.ts';
import { createFakeYc } from './fake-yc.ts';
import { type TestClock, createTestClock } from '../time/test-clock.ts';
import { formatKeyFile, getTestKey } from './test-keys.ts';

const http = createDirectHttpClient();
const oauthToken = 'y0_AgAAcanary0123456789';
const accountSubject = 'ajeperson00000000001';

/** An OIDC token in the format of Kubernetes. */
export function createOidcToken(claims: Readonly<Record<string, unknown>> = {}, key = getTestKey()): string {
  const encodePart = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const signingInput = `${encodePart({ alg: 'RS256', typ: 'JWT' })}.${encodePart({
    iss: issuer,
    aud: ['https://yandex.cloud'],
    sub: externalSubject,
    exp: Date.UTC(2026, 10, 24, 13) / 1_000,
    ...claims,
  })}`;
  const signature = sign('sha256', Buffer.from(signingInput), createPrivateKey(key.privateKey));
  return `${signingInput}.${signature.toString('base64url')}`;
}

export const issuer = 'https://kubernetes.default.svc';
export const externalSubject = 'system:serviceaccount:default:app';
export const createFederation = (serviceAccountId: string) => ({
  issuer,
  audience: 'https://yandex.cloud',
  publicKey: getTestKey().publicKey,
  externalSubject,
  serviceAccountId,
});

/** The common part of all fixtures: an IAM service and a test clock. */
async function createFixtureBase(emulatorCall: string): Promise<{
  readonly emulator: Emulator;
  readonly clock: TestClock;
  readonly base: Pick<
    SourceFixture,
    | 'installation'
    | 'tools'
    | 'clock'
    | 'isTokenAccepted'
    | 'failAllRequests'
    | 'hangAllRequests'
    | 'countRequests'
    | 'close'
  >;
}> {
  const clock = createTestClock();
  const emulator = await startEmulator({
    clock,
    oauthAccounts: [{ token: oauthToken, subject: accountSubject }],
  });
  const processContext = { platform: process.platform, env: process.env, home: () => '/nowhere' };
  return {
    emulator,
    clock,
    base: {
      clock,
      installation: { endpoint: emulator.url, audience: `${emulator.url}/iam/v1/tokens` },
      tools: {
        http,
        clock,
        probeService: createProbeService(http, clock),
        fileDeadline: new FileDeadline(clock),
        timeoutMs: 8_000,
        programs: createProgramRunner(processContext, clock, isExecutable),
      },
      async isTokenAccepted(token) {
        const headers = { authorization: `Bearer ${token}` };
        return (await fetch(`${emulator.url}/resource-manager/v1/clouds`, { headers })).ok;
      },
      failAllRequests: () => emulator.setFault({ kind: 'unavailable' }),
      hangAllRequests: () => emulator.setFault({ kind: 'hang' }),
      countRequests: () => emulator.countRequests(emulatorCall),
      close: () => emulator.close(),
    },
  };
}

/** Creates a fixture for each kind of credential. */
export const sourceFixtures: Readonly<Record<string, () => Promise<SourceFixture>>> = {
  async oauth() {
    const { emulator, base } = await createFixtureBase('POST /iam/v1/tokens');
    return {
      ...base,
      input: { secret: `${oauthToken}\n`, settings: {} },
      subject: accountSubject,
      canaries: [oauthToken, oauthToken.slice(4, 14)],
      invalidInputs: [{ settings: {} }, { secret: 'canary token', settings: {} }],
      rejectCredential: () => emulator.revokeOauthToken(oauthToken),
    };
  },

  async 'service-account-key'() {
    const { emulator, base } = await createFixtureBase('POST /iam/v1/tokens');
    const key = getTestKey();
    emulator.allowKey(key);
    return {
      ...base,
      input: { secret: formatKeyFile(key), settings: {} },
      subject: key.serviceAccountId,
      canaries: key.privateKey.split('\n').slice(1, -2),
      invalidInputs: [
        { settings: {} },
        { secret: '{"canary":1}', settings: {} },
        { secret: formatKeyFile().slice(1), settings: {} },
      ],
      rejectCredential: () => emulator.deleteKey(key.id),
    };
  },

  async metadata() {
    const { emulator, base } = await createFixtureBase(
      'GET /computeMetadata/v1/instance/service-accounts/default/token',
    );
    emulator.attachServiceAccount(getTestKey().serviceAccountId);
    return {
      ...base,
      input: { settings: {} },
      subject: getTestKey().serviceAccountId,
      canaries: [],
      invalidInputs: [],
      rejectCredential: () => emulator.attachServiceAccount(null),
    };
  },

  async 'workload-identity'() {
    const { emulator, base } = await createFixtureBase('POST /oauth/token');
    const { serviceAccountId } = getTestKey();
    const folder = createTemporaryFolder();
    const tokenFile = join(folder, 'token');
    const token = createOidcToken();
    writeFileSync(tokenFile, `${token}\n`);
    emulator.addFederation(createFederation(serviceAccountId));
    return {
      ...base,
      input: { settings: { serviceAccountId, tokenFile } },
      subject: serviceAccountId,
      canaries: token.split('.'),
      invalidInputs: [
        { settings: {} },
        { settings: { serviceAccountId: 'canary\u001b', tokenFile } },
        { settings: { serviceAccountId, tokenFile: 'token' } },
        { settings: { serviceAccountId, tokenFile, tokenUrl: 'http://canary.example/' } },
      ],
      rejectCredential: () => emulator.removeFederation(issuer),
      async close() {
        rmSync(folder, { recursive: true });
        await base.close();
      },
    };
  },

  async yc() {
    const { emulator, clock, base } = await createFixtureBase('none');
    const folder = createTemporaryFolder();
    const yc = createFakeYc(folder);
    const response = await fetch(`${emulator.url}/iam/v1/tokens`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ yandexPassportOauthToken: oauthToken }),
    });
    const { iamToken, expiresAt } = (await response.json()) as Readonly<
      Record<'iamToken' | 'expiresAt', string>
    >;
    yc.setToken(iamToken, expiresAt);
    return {
      ...base,
      clock,
      input: { settings: { path: yc.path } },
      subject: accountSubject,
      canaries: [iamToken.slice(10, 40)],
      invalidInputs: [
        { settings: { path: 'yc' } },
        { settings: { path: `${yc.path}\u0007canary` } },
        { settings: { path: yc.path, profile: '\u001bcanary' } },
      ],
      rejectCredential: () => yc.setBehavior('refuse'),
      failAllRequests: () => yc.setBehavior('fail'),
      hangAllRequests: () => yc.setBehavior('hang'),
      countRequests: () => yc.listRuns().length,
      async close() {
        await base.close();
        rmSync(folder, { recursive: true });
      },
    };
  },
};

function createTemporaryFolder(): string {
  return mkdtempSync(join(tmpdir(), 'iam-tokend-source-'));
}
