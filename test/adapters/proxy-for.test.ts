import assert from 'node:assert/strict';
import { proxyFor } from '../../src/adapters/proxy-for.ts';

const proxy = 'http://proxy.example:3128';

describe('proxyFor', () => {
  for (const host of [
    'localhost',
    'LOCALHOST',
    'a.localhost',
    '127.0.0.1',
    '127.1',
    '127.255.0.3',
    '0x7f000001',
    '[::1]',
    '[::ffff:127.0.0.1]',
    '169.254.169.254',
  ]) {
    it(`never returns a proxy for ${host}`, () => {
      assert.equal(proxyFor(`http://${host}/`, { proxy, noProxy: [] }), null);
    });
  }

  for (const host of [
    'iam.api.cloud.yandex.net',
    'localhost.example',
    '128.0.0.1',
    '169.254.1.1',
    '[::2]',
    '10.0.0.1',
  ]) {
    it(`returns the proxy for ${host}`, () => {
      assert.equal(proxyFor(`http://${host}/`, { proxy, noProxy: [] }), proxy);
    });
  }

  const bypassed = ['iam.example', '.example', '*.example', 'example', 'IAM.example', 'iam.example:443', '*'];
  for (const rule of bypassed) {
    it(`returns null for https://iam.example/ with NO_PROXY ${rule}`, () => {
      assert.equal(proxyFor('https://iam.example/', { proxy, noProxy: ['other.invalid', rule] }), null);
    });
  }

  for (const rule of ['m.example', 'iam.example:80', 'iam', 'xample']) {
    it(`returns the proxy for https://iam.example/ with NO_PROXY ${rule}`, () => {
      assert.equal(proxyFor('https://iam.example/', { proxy, noProxy: [rule] }), proxy);
    });
  }

  for (const [host, rule] of [
    ['10.1.2.3', '10.0.0.0/8'],
    ['10.1.2.3', '10.1.2.3'],
    ['10.1.2.3', '10.1.2.3:443'],
    ['[2001:db8::1]', '[2001:db8::1]'],
    ['[2001:db8::1]', '2001:db8:0::1'],
    ['[2001:db8::1]', '[2001:db8::1]:443'],
    ['[2001:db8::1]', '2001:db8::/32'],
    ['10.1.2.3', 'localhost,*'],
    ['iam.example.', 'iam.example'],
  ] as const) {
    it(`B6: returns null for https://${host}/ with NO_PROXY ${rule}`, () => {
      assert.equal(proxyFor(`https://${host}/`, { proxy, noProxy: rule.split(',') }), null);
    });
  }

  for (const [host, rule] of [
    ['11.1.2.3', '10.0.0.0/8'],
    ['10.1.2.3', '10.1.2.3:80'],
    ['10.1.2.3', '10.0.0.0/33'],
    ['10.1.2.3', '10.0.0.0/x'],
    ['10.1.2.3', '3'],
    ['[2001:db8::1]', '[2001:db8::1]:80'],
    ['[2001:db8::1]', '2001:db8::2'],
    ['iam.example', '.'],
    ['iam.example', ':443'],
  ] as const) {
    it(`B6: returns the proxy for https://${host}/ with NO_PROXY ${rule}`, () => {
      assert.equal(proxyFor(`https://${host}/`, { proxy, noProxy: [rule] }), proxy);
    });
  }

  it('compares the port of NO_PROXY with the port of the URL', () => {
    const noProxy = ['iam.example:8080'];
    assert.equal(proxyFor('http://iam.example:8080/', { proxy, noProxy }), null);
    assert.equal(proxyFor('http://iam.example/', { proxy, noProxy }), proxy);
  });

  it('returns null if no proxy is configured', () => {
    assert.equal(proxyFor('https://iam.example/', { proxy: null, noProxy: [] }), null);
  });
});
