import assert from 'node:assert/strict';
import { isNeverProxied } from '../../src/adapters/proxy-rule.ts';

describe('the proxy rule', () => {
  const near = [
    'localhost',
    'LOCALHOST',
    'a.localhost',
    '127.0.0.1',
    '127.1',
    '127.255.0.3',
    '0x7f000001',
    '[::1]',
  ];
  for (const host of [...near, '[::ffff:127.0.0.1]', '169.254.169.254']) {
    it(`never asks ${host} through a proxy`, () => {
      assert.ok(isNeverProxied(new URL(`http://${host}/`).hostname));
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
    it(`asks ${host} through it`, () => {
      assert.ok(!isNeverProxied(new URL(`http://${host}/`).hostname));
    });
  }
});
