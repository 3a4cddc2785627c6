import assert from 'node:assert/strict';
import { addNetwork } from '../../src/config/add-network.ts';

const proxy = 'http://proxy.example:3128';
const caFile = '/etc/ssl/ours.pem';

describe('adding the network of a shell to config.yaml', () => {
  it('keeps comments, order, quotes and all other settings', async () => {
    const before = `# ours
store: memory # for now
refresh: { schedule: '0 * * * *', spread: true }

log:
  level: 'debug'
`;
    const added = await addNetwork(before, { proxy, caFile });
    assert.equal(added?.text, `${before}network:\n  proxy: ${proxy}\n  caFile: ${caFile}\n`);
    assert.deepEqual(added.added, { proxy, caFile });
  });

  it('never changes what is said already', async () => {
    const before = 'network: { proxy: "http://other:1" }\n';
    const added = await addNetwork(before, { proxy, caFile });
    assert.deepEqual(added?.added, { caFile });
    assert.match(added.text, /http:\/\/other:1/);
    assert.ok(!added.text.includes(proxy));
  });

  for (const [name, text] of [
    ['empty', ''],
    ['of comments alone', '# nothing yet\n'],
    ['with an empty network', 'network:\n'],
  ] as const) {
    it(`fills a file that is ${name}`, async () => {
      const added = await addNetwork(text, { proxy });
      assert.match(added?.text ?? '', new RegExp(`network:\\n  proxy: ${proxy}\\n$`));
      assert.ok(added?.text.includes(text.startsWith('#') ? text : ''));
    });
  }

  it('leaves a file alone that has mistakes, or is no map', async () => {
    for (const text of ['a: [', '- a\n', 'network: none\n', 'a: 1\na: 2\n']) {
      assert.equal(await addNetwork(text, { proxy }), null, text);
    }
  });
});
