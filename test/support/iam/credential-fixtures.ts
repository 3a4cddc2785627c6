import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createFakeYc } from './fake-yc.ts';
import { createOauthToken, type TestEnvironment } from '../test-environment.ts';
import { externalSubject, createFederation, issuer, createOidcToken } from './source-fixtures.ts';
import { formatKeyFile, getTestKey } from './test-keys.ts';

/** A credential for `iam-token login`, and control over the service that accepts it. */
export interface CredentialFixture {
  /** The name of its kind on the wire. */
  readonly kind: string;
  /** The arguments of `iam-token login`. */
  readonly args: readonly string[];
  readonly stdin: string;
  /** The subject of its tokens. */
  readonly subject: string;
  /** Parts of its secret. */
  readonly canaries: readonly string[];
  /** A login with a credential that the service rejects. */
  readonly rejectedLogin: { readonly args: readonly string[]; readonly stdin: string };
  /** Ensures that the next exchange returns another token; required for yc only. */
  prepareRenewal(): Promise<void>;
  /** Makes the service reject it. */
  rejectCredential(): void;
  acceptCredential(): void;
}

/** @param number distinguishes credentials of the same kind in one environment; 0 to 9 */
export type CreateCredentialFixture = (
  testEnv: TestEnvironment,
  folder: string,
  number: number,
) => Promise<CredentialFixture>;

const noop = async (): Promise<void> => undefined;

/** Creates a credential of each kind; `folder` is for files that do not belong to the daemon. */
export const credentialFixtures: Readonly<Record<string, CreateCredentialFixture>> = {
  async oauth({ emulator }, _folder, number) {
    const token = createOauthToken();
    const account = { token, subject: `ajeperson0000000000${number}` };
    emulator.allowOauthToken(account);
    return {
      kind: 'oauth',
      args: ['--oauth', '--stdin'],
      stdin: `${token}\n`,
      subject: account.subject,
      canaries: [token, token.slice(6, 24)],
      rejectedLogin: { args: ['--oauth', '--stdin'], stdin: `${token}x\n` },
      prepareRenewal: noop,
      rejectCredential: () => emulator.revokeOauthToken(token),
      acceptCredential: () => emulator.allowOauthToken(account),
    };
  },

  async 'service-account-key'({ emulator }, folder, number) {
    const key = getTestKey(number % 2 === 0 ? 2048 : 4096);
    emulator.allowKey(key);
    const path = join(folder, `key-${number}.json`);
    const wrong = join(folder, `wrong-${number}.json`);
    writeFileSync(path, formatKeyFile(key), { mode: 0o600 });
    writeFileSync(wrong, formatKeyFile(key, { id: 'ajeunknownkey0000000' }), { mode: 0o600 });
    return {
      kind: 'service-account-key',
      args: ['--service-account-key', path],
      stdin: '',
      subject: key.serviceAccountId,
      canaries: key.privateKey.trim().split('\n').slice(1, -2),
      rejectedLogin: { args: ['--service-account-key', wrong], stdin: '' },
      prepareRenewal: noop,
      rejectCredential: () => emulator.deleteKey(key.id),
      acceptCredential: () => emulator.allowKey(key),
    };
  },

  async metadata({ emulator }, _folder, number) {
    const subject = `ajevm00000000000000${number}`;
    emulator.attachServiceAccount(subject);
    return {
      kind: 'metadata',
      args: ['--metadata'],
      stdin: '',
      subject,
      canaries: [],
      // A loopback address without a metadata service.
      rejectedLogin: { args: ['--metadata', '--endpoint', `${emulator.url}/nowhere`], stdin: '' },
      prepareRenewal: noop,
      rejectCredential: () => emulator.attachServiceAccount(null),
      acceptCredential: () => emulator.attachServiceAccount(subject),
    };
  },

  async 'workload-identity'({ emulator }, folder, number) {
    const subject = `ajewl00000000000000${number}`;
    const trustedFederation = { ...createFederation(subject), issuer: `${issuer}/${number}` };
    emulator.addFederation(trustedFederation);
    const tokenFile = join(folder, `oidc-token-${number}`);
    const expirySeconds = Math.floor(Date.now() / 1_000) + 3_600;
    const token = createOidcToken({
      iss: trustedFederation.issuer,
      sub: externalSubject,
      exp: expirySeconds,
    });
    writeFileSync(tokenFile, `${token}\n`, { mode: 0o600 });
    const args = ['--token-file', tokenFile, '--workload-identity'];
    return {
      kind: 'workload-identity',
      args: [...args, subject],
      stdin: '',
      subject,
      canaries: token.split('.').slice(1),
      rejectedLogin: { args: [...args, 'ajeotheraccount00000'], stdin: '' },
      prepareRenewal: noop,
      rejectCredential: () => emulator.removeFederation(trustedFederation.issuer),
      acceptCredential: () => emulator.addFederation(trustedFederation),
    };
  },

  /** In the folder of its installer, which is not in PATH. */
  async yc({ emulator, environment }, _folder, number) {
    const bin = join(environment['HOME'] ?? '', 'yandex-cloud', 'bin');
    mkdirSync(bin, { recursive: true });
    const yc = createFakeYc(bin);
    const person = { token: `y0_AgAAAABofyc${number}`, subject: `ajeycperson00000000${number}` };
    emulator.allowOauthToken(person);
    async function prepareRenewal(): Promise<void> {
      const response = await fetch(`${emulator.url}/iam/v1/tokens`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ yandexPassportOauthToken: person.token }),
      });
      const { iamToken, expiresAt } = (await response.json()) as { iamToken: string; expiresAt: string };
      yc.setToken(iamToken, expiresAt);
    }
    await prepareRenewal();
    return {
      kind: 'yc',
      args: ['--yc'],
      stdin: '',
      subject: person.subject,
      canaries: [],
      rejectedLogin: { args: ['--yc', '--yc-profile', 'a\tb'], stdin: '' },
      prepareRenewal,
      rejectCredential: () => yc.setBehavior('refuse'),
      acceptCredential: () => yc.setBehavior('json'),
    };
  },
};

/** The same credential with an impersonated service account. */
export function withImpersonation(
  { emulator }: TestEnvironment,
  credential: CredentialFixture,
  serviceAccountId: string,
): CredentialFixture {
  emulator.allowImpersonation(credential.subject, serviceAccountId);
  return {
    ...credential,
    args: [...credential.args, '--impersonate-service-account-id', serviceAccountId],
    subject: serviceAccountId,
  };
}
