import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Secret } from '../../../src/shared/secret.ts';
import { createKdfParams, keyFromBytes, seal } from '../../../src/stores/file/sealed-file.ts';
import { replaceKeyring } from './plain-keyring.ts';
import { oauthToken, type TestEnvironment } from '../test-environment.ts';

const createId = (): string => randomBytes(8).toString('hex');

/** Of the file store of `storeProfiles`, relative to the folder of the environment. */
export const keyFile = 'key';

/**
 * Writes `profiles.json` and the store as if someone had logged in `count` times; faster than so many logins.
 * @returns the names of the profiles
 */
export async function storeProfiles(
  { environment, emulator, folder, keyring }: TestEnvironment,
  count: number,
): Promise<readonly string[]> {
  const instance = createId();
  const names = Array.from({ length: count }, (_, index) => `profile-${index}`);
  const installation = { endpoint: emulator.url, audience: 'https://iam.api.cloud.yandex.net/iam/v1/tokens' };
  const items = new Map<string, string>();
  const profiles: Record<string, object> = {};
  for (const name of names) {
    const slot = createId();
    profiles[name] = { kind: 'oauth', ...installation, slot };
    const credential = { kind: 'oauth', ...installation, credential: oauthToken, anchors: [] };
    items.set(`${instance}.${slot}`, JSON.stringify({ v: 1, ...credential }));
    items.set(`${instance}.${slot}.token`, JSON.stringify(createTokenItem(name)));
  }
  const registry = { version: 1, instance, default: names[0], profiles, discarded: [] };
  const configFolder = join(environment['XDG_CONFIG_HOME'] ?? '', 'iam-tokend');
  writeFileSync(join(configFolder, 'profiles.json'), JSON.stringify(registry), { mode: 0o600 });
  if (keyring === null) writeFileStore(folder, environment['XDG_STATE_HOME'] ?? '', items);
  else await replaceKeyring(keyring, items);
  return names;
}

function createTokenItem(name: string): object {
  const nowMs = Date.now();
  return {
    v: 1,
    token: `t1.${name}`,
    subject: null,
    expiresAtMs: nowMs + 11 * 60 * 60_000,
    receivedAtMs: nowMs - 60 * 60_000,
    clockOffsetMs: 0,
  };
}

function writeFileStore(folder: string, stateFolder: string, items: ReadonlyMap<string, string>): void {
  const key = randomBytes(32);
  writeFileSync(join(folder, keyFile), key, { mode: 0o600 });
  const storeFolder = join(stateFolder, 'iam-tokend');
  mkdirSync(storeFolder, { recursive: true, mode: 0o700 });
  const kdfParams = createKdfParams();
  const secrets = new Map([...items].map(([name, text]) => [name, new Secret(text)]));
  const bytes = seal(kdfParams, keyFromBytes(key, kdfParams.salt), secrets);
  writeFileSync(join(storeFolder, 'store'), bytes, { mode: 0o600 });
}
