import type { Keytar } from '../../src/keychain/keytar-library.ts';

export interface FakeKeytar extends Keytar {
  /** By `service/account`. */
  readonly items: Map<string, string>;
  /** Like `setPassword iam-tokend/key`. */
  readonly calls: string[];
  /** Called before each call does its work, with the call; may throw. */
  before: (call: string) => void | Promise<void>;
}

/** keytar over a map; refuses what Windows would, if a limit is given. */
export function fakeKeytar(itemAtMostBytes = Infinity): FakeKeytar {
  const items = new Map<string, string>();
  const keytar: FakeKeytar = {
    items,
    calls: [],
    before: () => {},
    async getPassword(service, account) {
      await called('getPassword', `${service}/${account}`);
      return items.get(`${service}/${account}`) ?? null;
    },
    async setPassword(service, account, value) {
      await called('setPassword', `${service}/${account}`);
      if (Buffer.byteLength(value) > itemAtMostBytes) throw new Error('The stub received bad data.');
      items.set(`${service}/${account}`, value);
    },
    async deletePassword(service, account) {
      await called('deletePassword', `${service}/${account}`);
      return items.delete(`${service}/${account}`);
    },
  };

  async function called(name: string, target: string): Promise<void> {
    keytar.calls.push(`${name} ${target}`);
    await keytar.before(`${name} ${target}`);
  }

  return keytar;
}
