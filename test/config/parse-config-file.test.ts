import assert from 'node:assert/strict';
import { useConfigFixture } from './config-fixture.ts';

describe('config.yaml', () => {
  const { violationsIn } = useConfigFixture();

  it('reports all violations together, each with its line', async () => {
    const yaml = `store: vault
log:
  level: loud
refresh:
  schedule: "0 0 30 2 *"
  spred: false
  sprad:
    on: true
iam:
  timeout: 8
network:
  proxy: proxy:port
`;
    assert.deepEqual(await violationsIn({ yaml }), [
      '/c/config.yaml:1: store: "vault" must be one of keychain, file, memory',
      '/c/config.yaml:3: log.level: "loud" must be one of error, warn, info, debug',
      '/c/config.yaml:5: refresh.schedule: "0 0 30 2 *" never fires',
      '/c/config.yaml:6: refresh.spred: unknown key',
      '/c/config.yaml:7: refresh.sprad: unknown key',
      '/c/config.yaml:10: iam.timeout: 8 must be a time, such as 8s',
      '/c/config.yaml:12: network.proxy: "proxy:port" must be the address of a proxy, such as http://proxy:3128',
    ]);
  });

  const files: readonly (readonly [what: string, yaml: string, violations: readonly string[]])[] = [
    ['a duplicate key', 'store: memory\nstore: keychain', ['2: Map keys must be unique']],
    [
      'a duplicate key, with all other violations,',
      'store: vault\nhttp: 1\nstore: box\nbogus: 1',
      [
        '2: http: 1 must be a mapping',
        '3: Map keys must be unique',
        '3: store: "box" must be one of keychain, file, memory',
        '4: bogus: unknown key',
      ],
    ],
    ['a tab', 'log:\n\tlevel: info', ['2: Tabs are not allowed as indentation']],
    ['an open quote', '\nstore: "memory', ['2: Missing closing "quote']],
    [
      'a cron pattern without quotes',
      'refresh:\n  schedule: */5 * * * *',
      ['2: Unexpected alias at node end', '2: */5: quote a value that begins with an asterisk'],
    ],
    ['an undefined alias', 'log:\n  level: *info', ['2: *info: quote a value that begins with an asterisk']],
    [
      'aliases that expand to an excessive size',
      `a: &a [${'x,'.repeat(9)}]\n${Array.from('bcdefg')
        .map((name, index) => `${name}: &${name} [${`*${'abcdef'.charAt(index)},`.repeat(9)}]`)
        .join('\n')}`,
      ['1: Excessive alias count indicates a resource exhaustion attack'],
    ],
    ['a string', 'memory', ['1: must be a mapping, such as "store: keychain"']],
    ['a list', '- store: memory', ['1: must be a mapping, such as "store: keychain"']],
    ['a section that is not a mapping', '\niam: fast', ['2: iam: "fast" must be a mapping']],
    ['an empty audience', 'iam:\n  audience: ""', ['2: iam.audience: "" must not be empty']],
    ['an invalid time', 'iam: { timeout: soon }', ['1: iam.timeout: "soon" must be a time, such as 8s']],
    ['a time that is too short', 'iam: { timeout: 99ms }', ['1: iam.timeout: "99ms" must be at least 100ms']],
    ['a time that is too long', 'iam: { timeout: 61s }', ['1: iam.timeout: "61s" must be at most 60s']],
    [
      'an unreadable file, with all other violations,',
      'network:\n  caFile: /gone.pem\nbogus: 1',
      ['2: network.caFile: "/gone.pem" cannot be read: no such file or folder', '3: bogus: unknown key'],
    ],
    [
      'a relative path',
      'network: { caFile: ca.pem }',
      ['1: network.caFile: "ca.pem" must be an absolute path'],
    ],
    [
      'the keys of Object',
      'constructor: 1\ntoString: 2',
      ['1: constructor: unknown key', '2: toString: unknown key'],
    ],
    ['__proto__', '__proto__: { store: memory }', ['1: __proto__: unknown key']],
  ];
  for (const [description, yaml, violations] of files) {
    it(`reports ${description} with its line`, async () => {
      assert.deepEqual(
        await violationsIn({ yaml }),
        violations.map((violation) => `/c/config.yaml:${violation}`),
      );
    });
  }
});
