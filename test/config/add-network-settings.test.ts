import assert from 'node:assert/strict';
import { addNetworkSettings } from '../../src/config/add-network-settings.ts';

const proxy = 'http://proxy.example:3128';
const caFile = '/etc/ssl/ours.pem';

describe('adding network settings to config.yaml', () => {
  it('keeps comments, order, quotes and all other settings', async () => {
    const original = `# ours
store: memory # for now
refresh: { schedule: '0 * * * *', spread: true }

log:
  level: 'debug'
`;
    const result = await addNetworkSettings(original, { proxy, caFile });
    assert.equal(result?.text, `${original}network:\n  proxy: ${proxy}\n  caFile: ${caFile}\n`);
    assert.deepEqual(result.addedSettings, { proxy, caFile });
  });

  it('never changes an existing setting', async () => {
    const original = 'network: { proxy: "http://other:1" }\n';
    const result = await addNetworkSettings(original, { proxy, caFile });
    assert.deepEqual(result?.addedSettings, { caFile });
    assert.match(result.text, /http:\/\/other:1/);
    assert.ok(!result.text.includes(proxy));
  });

  for (const [name, text] of [
    ['empty', ''],
    ['of comments alone', '# nothing yet\n'],
    ['with an empty network', 'network:\n'],
  ] as const) {
    it(`fills a file that is ${name}`, async () => {
      const result = await addNetworkSettings(text, { proxy });
      assert.match(result?.text ?? '', new RegExp(`network:\\n  proxy: ${proxy}\\n$`));
      assert.ok(result?.text.includes(text.startsWith('#') ? text : ''));
    });
  }

  it('leaves an invalid file alone', async () => {
    for (const text of ['a: [', '- a\n', 'network: none\n', 'a: 1\na: 2\n']) {
      assert.equal(await addNetworkSettings(text, { proxy }), null, text);
    }
  });
});
