import type { Keytar } from '../../../src/stores/keychain/keytar-library.ts';

export interface FakeKeytar extends Keytar {
  /** By `service/account`. */
  readonly items: Map<string, string>;
  /** Like `setPassword iam-tokend/key`. */
  readonly calls: string[];
  /** Runs before each call, and may throw. */
  beforeCall: (call: string) => void | Promise<void>;
}

/** keytar with items in memory. @param maxItemBytes the limit of Windows, if it is tested */
export function createFakeKeytar(maxItemBytes = Infinity): FakeKeytar {
  const items = new Map<string, string>();
  const keytar: FakeKeytar = {
    items,
    calls: [],
    beforeCall: () => {},
    async getPassword(service, account) {
      await recordCall('getPassword', `${service}/${account}`);
      return items.get(`${service}/${account}`) ?? null;
    },
    async setPassword(service, account, value) {
      await recordCall('setPassword', `${service}/${account}`);
      if (Buffer.byteLength(value) > maxItemBytes) throw new Error('The stub received bad data.');
      items.set(`${service}/${account}`, value);
    },
    async deletePassword(service, account) {
      await recordCall('deletePassword', `${service}/${account}`);
      return items.delete(`${service}/${account}`);
    },
  };

  async function recordCall(name: string, target: string): Promise<void> {
    keytar.calls.push(`${name} ${target}`);
    await keytar.beforeCall(`${name} ${target}`);
  }

  return keytar;
}
