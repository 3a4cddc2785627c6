import { createPrivateKey, sign } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { childProcesses } from '../../src/adapters/child-process.ts';
import { undiciHttp } from '../../src/adapters/undici-http.ts';
import { type Emulator, startEmulator } from '../../src/emulator/emulator.ts';
import { isExecutable } from '../../src/platform/surroundings.ts';
import type { SourceHouse } from '../sources/source-contract.ts';
import { fakeYc } from './fake-yc.ts';
import { type TestClock, testClock } from './test-clock.ts';
import { keyFile, testKey } from './test-keys.ts';

const http = undiciHttp({ proxy: null, noProxy: [], certificates: null });
const oauthToken = 'y0_AgAAcanary0123456789';
const person = 'ajeperson00000000001';

/** An OIDC token as Kubernetes puts it into a pod's file. */
export function oidcToken(claims: Readonly<Record<string, unknown>> = {}, key = testKey()): string {
  const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const signed = `${part({ alg: 'RS256', typ: 'JWT' })}.${part({
    iss: issuer,
    aud: ['https://yandex.cloud'],
    sub: externalSubject,
    exp: Date.UTC(2026, 10, 24, 13) / 1_000,
    ...claims,
  })}`;
  const signature = sign('sha256', Buffer.from(signed), createPrivateKey(key.privateKey));
  return `${signed}.${signature.toString('base64url')}`;
}

export const issuer = 'https://kubernetes.default.svc';
export const externalSubject = 'system:serviceaccount:default:app';
export const federation = (serviceAccountId: string) => ({
  issuer,
  audience: 'https://yandex.cloud',
  publicKey: testKey().publicKey,
  externalSubject,
  serviceAccountId,
});

/** What all houses have: an IAM service, and a clock that a test holds. */
async function common(call: string): Promise<{
  readonly emulator: Emulator;
  readonly clock: TestClock;
  readonly house: Pick<
    SourceHouse,
    'installation' | 'tools' | 'clock' | 'isTaken' | 'fail' | 'hang' | 'asked' | 'close'
  >;
}> {
  const clock = testClock();
  const emulator = await startEmulator({ clock, oauthAccounts: [{ token: oauthToken, subject: person }] });
  const surroundings = { platform: process.platform, env: process.env, home: () => '/nowhere' };
  return {
    emulator,
    clock,
    house: {
      clock,
      installation: { endpoint: emulator.url, audience: `${emulator.url}/iam/v1/tokens` },
      tools: {
        http,
        clock,
        timeoutMs: 8_000,
        programs: childProcesses(surroundings, clock, isExecutable),
      },
      async isTaken(token) {
        const headers = { authorization: `Bearer ${token}` };
        return (await fetch(`${emulator.url}/resource-manager/v1/clouds`, { headers })).ok;
      },
      fail: () => emulator.setFault({ kind: 'unavailable' }),
      hang: () => emulator.setFault({ kind: 'hang' }),
      asked: () => emulator.count(call),
      close: () => emulator.close(),
    },
  };
}

/** For each kind of credential, how a test comes by one. */
export const sourceHouses: Readonly<Record<string, () => Promise<SourceHouse>>> = {
  async oauth() {
    const { emulator, house } = await common('POST /iam/v1/tokens');
    return {
      ...house,
      handed: { secret: `${oauthToken}\n`, settings: {} },
      subject: person,
      canaries: [oauthToken, oauthToken.slice(4, 14)],
      nonsense: [{ settings: {} }, { secret: 'canary token', settings: {} }],
      refuse: () => emulator.revokeOauthToken(oauthToken),
    };
  },

  async 'service-account-key'() {
    const { emulator, house } = await common('POST /iam/v1/tokens');
    const key = testKey();
    emulator.allowKey(key);
    return {
      ...house,
      handed: { secret: keyFile(key), settings: {} },
      subject: key.serviceAccountId,
      canaries: key.privateKey.split('\n').slice(1, -2),
      nonsense: [
        { settings: {} },
        { secret: '{"canary":1}', settings: {} },
        { secret: keyFile().slice(1), settings: {} },
      ],
      refuse: () => emulator.deleteKey(key.id),
    };
  },

  async metadata() {
    const { emulator, house } = await common(
      'GET /computeMetadata/v1/instance/service-accounts/default/token',
    );
    emulator.attachServiceAccount(testKey().serviceAccountId);
    return {
      ...house,
      handed: { settings: {} },
      subject: testKey().serviceAccountId,
      canaries: [],
      nonsense: [],
      refuse: () => emulator.attachServiceAccount(null),
    };
  },

  async 'workload-identity'() {
    const { emulator, house } = await common('POST /oauth/token');
    const { serviceAccountId } = testKey();
    const folder = ownFolder();
    const tokenFile = join(folder, 'token');
    const token = oidcToken();
    writeFileSync(tokenFile, `${token}\n`);
    emulator.trust(federation(serviceAccountId));
    return {
      ...house,
      handed: { settings: { serviceAccountId, tokenFile } },
      subject: serviceAccountId,
      canaries: token.split('.'),
      nonsense: [
        { settings: {} },
        { settings: { serviceAccountId: 'canary\u001b', tokenFile } },
        { settings: { serviceAccountId, tokenFile: 'token' } },
        { settings: { serviceAccountId, tokenFile, tokenUrl: 'http://canary.example/' } },
      ],
      refuse: () => emulator.distrust(issuer),
      async close() {
        rmSync(folder, { recursive: true });
        await house.close();
      },
    };
  },

  async yc() {
    const { emulator, clock, house } = await common('none');
    const folder = ownFolder();
    const yc = fakeYc(folder);
    const response = await fetch(`${emulator.url}/iam/v1/tokens`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ yandexPassportOauthToken: oauthToken }),
    });
    const { iamToken, expiresAt } = (await response.json()) as Readonly<
      Record<'iamToken' | 'expiresAt', string>
    >;
    yc.give(iamToken, expiresAt);
    return {
      ...house,
      clock,
      handed: { settings: { path: yc.path } },
      subject: person,
      canaries: [iamToken.slice(10, 40)],
      nonsense: [
        { settings: { path: 'yc' } },
        { settings: { path: `${yc.path}\u0007canary` } },
        { settings: { path: yc.path, profile: '\u001bcanary' } },
      ],
      refuse: () => yc.behave('refuse'),
      fail: () => yc.behave('fail'),
      hang: () => yc.behave('hang'),
      asked: () => yc.runs().length,
      async close() {
        await house.close();
        rmSync(folder, { recursive: true });
      },
    };
  },
};

function ownFolder(): string {
  return mkdtempSync(join(tmpdir(), 'iam-tokend-source-'));
}
