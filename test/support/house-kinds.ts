import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fakeYc } from './fake-yc.ts';
import type { RunningHouse } from './running-house.ts';
import { externalSubject, federation, issuer, oidcToken } from './source-houses.ts';
import { keyFile, testKey } from './test-keys.ts';

/** One credential in the hands of a person, as `iam-token login` takes it, and the service that knows it. */
export interface HouseKind {
  /** As it stands on the wire. */
  readonly kind: string;
  /** What follows `iam-token login`. */
  readonly args: readonly string[];
  readonly stdin: string;
  /** Whom it speaks for. */
  readonly subject: string;
  /** Parts of what is secret. */
  readonly canaries: readonly string[];
  /** As `args`, of one that the service does not take. */
  readonly wrong: { readonly args: readonly string[]; readonly stdin: string };
  /** Sees that the next exchange gives another token; only yc would not by itself. */
  prepareRenewal(): Promise<void>;
  /** From now on the service does not take it. */
  refuse(): void;
  allow(): void;
}

/** @param number so that one house can have several of a kind; 0 to 9 */
export type Furnish = (house: RunningHouse, folder: string, number: number) => Promise<HouseKind>;

const nothingToDo = async (): Promise<void> => undefined;

/** How a test comes by a credential of each kind; `folder` is for files that are none of the daemon's. */
export const houseKinds: Readonly<Record<string, Furnish>> = {
  async oauth({ emulator }, _folder, number) {
    const token = `y0_AgAAAABcanaryCANARYcanary${number}123456789abcd`;
    const account = { token, subject: `ajeperson0000000000${number}` };
    emulator.allowOauthToken(account);
    return {
      kind: 'oauth',
      args: ['--oauth', '--stdin'],
      stdin: `${token}\n`,
      subject: account.subject,
      canaries: [token, token.slice(6, 24)],
      wrong: { args: ['--oauth', '--stdin'], stdin: `${token}x\n` },
      prepareRenewal: nothingToDo,
      refuse: () => emulator.revokeOauthToken(token),
      allow: () => emulator.allowOauthToken(account),
    };
  },

  async 'service-account-key'({ emulator }, folder, number) {
    const key = testKey(number % 2 === 0 ? 2048 : 4096);
    emulator.allowKey(key);
    const path = join(folder, `key-${number}.json`);
    const wrong = join(folder, `wrong-${number}.json`);
    writeFileSync(path, keyFile(key), { mode: 0o600 });
    writeFileSync(wrong, keyFile(key, { id: 'ajenobodysknows00000' }), { mode: 0o600 });
    return {
      kind: 'service-account-key',
      args: ['--service-account-key', path],
      stdin: '',
      subject: key.serviceAccountId,
      canaries: key.privateKey.trim().split('\n').slice(1, -2),
      wrong: { args: ['--service-account-key', wrong], stdin: '' },
      prepareRenewal: nothingToDo,
      refuse: () => emulator.deleteKey(key.id),
      allow: () => emulator.allowKey(key),
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
      // A loopback address where nobody is the VM's service.
      wrong: { args: ['--metadata', '--endpoint', `${emulator.url}/nowhere`], stdin: '' },
      prepareRenewal: nothingToDo,
      refuse: () => emulator.attachServiceAccount(null),
      allow: () => emulator.attachServiceAccount(subject),
    };
  },

  async 'workload-identity'({ emulator }, folder, number) {
    const subject = `ajewl00000000000000${number}`;
    const ours = { ...federation(subject), issuer: `${issuer}/${number}` };
    emulator.trust(ours);
    const tokenFile = join(folder, `oidc-token-${number}`);
    const inAnHour = Math.floor(Date.now() / 1_000) + 3_600;
    const token = oidcToken({ iss: ours.issuer, sub: externalSubject, exp: inAnHour });
    writeFileSync(tokenFile, `${token}\n`, { mode: 0o600 });
    const args = ['--token-file', tokenFile, '--workload-identity'];
    return {
      kind: 'workload-identity',
      args: [...args, subject],
      stdin: '',
      subject,
      canaries: token.split('.').slice(1),
      wrong: { args: [...args, 'ajesomebodyelse00000'], stdin: '' },
      prepareRenewal: nothingToDo,
      refuse: () => emulator.distrust(ours.issuer),
      allow: () => emulator.trust(ours),
    };
  },

  /** Where its installer puts it, and no shell's file has added it to PATH. */
  async yc({ emulator, environment }, _folder, number) {
    const bin = join(environment['HOME'] ?? '', 'yandex-cloud', 'bin');
    mkdirSync(bin, { recursive: true });
    const program = fakeYc(bin);
    const person = { token: `y0_AgAAAABofyc${number}`, subject: `ajeycperson00000000${number}` };
    emulator.allowOauthToken(person);
    async function prepareRenewal(): Promise<void> {
      const response = await fetch(`${emulator.url}/iam/v1/tokens`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ yandexPassportOauthToken: person.token }),
      });
      const { iamToken, expiresAt } = (await response.json()) as { iamToken: string; expiresAt: string };
      program.give(iamToken, expiresAt);
    }
    await prepareRenewal();
    return {
      kind: 'yc',
      args: ['--yc'],
      stdin: '',
      subject: person.subject,
      canaries: [],
      wrong: { args: ['--yc', '--yc-profile', 'a\tb'], stdin: '' },
      prepareRenewal,
      refuse: () => program.behave('refuse'),
      allow: () => program.behave('json'),
    };
  },
};

/** The same credential, acting as a service account. */
export function acting(
  { emulator }: RunningHouse,
  credential: HouseKind,
  serviceAccountId: string,
): HouseKind {
  emulator.allowActingAs(credential.subject, serviceAccountId);
  return {
    ...credential,
    args: [...credential.args, '--impersonate-service-account-id', serviceAccountId],
    subject: serviceAccountId,
  };
}
