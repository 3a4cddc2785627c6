import assert from 'node:assert/strict';
import { maxDisplayNameLength, parseDisplayName } from '../../../src/sources/exchange/display-name.ts';

const token = 't1.9euelZqYzZ3NmovPzZnPz8_Pz8_Pzi2.signature';
const parse = (account: object): string | null => parseDisplayName(account, token);

describe('18.3: a display name', () => {
  it('is the name of a service account, and the login, the address or the federated name of a user', () => {
    assert.equal(parse({ id: 'aje1', folderId: 'b1g', name: 'my-robot', description: 'builds' }), 'my-robot');
    assert.equal(parse({ yandexPassportUserAccount: { login: 'ada', defaultEmail: 'a@ya.ru' } }), 'ada');
    assert.equal(parse({ yandexPassportUserAccount: { defaultEmail: 'a@ya.ru' } }), 'a@ya.ru');
    assert.equal(parse({ samlUserAccount: { federationId: 'bpf', nameId: 'ada@corp' } }), 'ada@corp');
  });

  it('is absent from an account without one, and from fields of another type', () => {
    for (const account of [
      {},
      { name: '' },
      { name: ' \t\u200b' },
      { name: 7, samlUserAccount: ['x'] },
      { yandexPassportUserAccount: null },
      { samlUserAccount: { nameId: {} } },
      { message: 'no name' },
    ])
      assert.equal(parse(account), null, JSON.stringify(account));
  });

  it('has no control characters, line breaks and direction marks', () => {
    assert.equal(parse({ name: 'a\x1b[31mb\r\nc\x07\u009bd' }), 'a[31mb cd');
    assert.equal(parse({ name: 'x\u202e\u2066gnp.exe\u2069\u200f\u061c' }), 'xgnp.exe');
    assert.equal(parse({ name: 'a\u2028b\ud800' }), 'a b');
  });

  it('is cut to 64 characters, however long it is', () => {
    assert.equal(parse({ name: 'n'.repeat(64) }), 'n'.repeat(64));
    const name = parse({ name: '🤖'.repeat(10 * 1_024) }) ?? '';
    assert.equal(Array.from(name).length, maxDisplayNameLength);
    assert.match(name, /^🤖+…$/u);
  });

  it('does not repeat the token that was sent', () => {
    assert.equal(parse({ name: `robot ${token}` }), 'robot [redacted]');
  });
});
