import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { scheduleFault } from '../../src/adapters/cron-schedule.ts';
import type { Config } from '../../src/config/config.ts';
import type { StoreKey } from '../../src/config/store-key.ts';
import { ConfigError, type ConfigInput, readConfig } from '../../src/config/read-config.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { tlsCertificate } from '../support/tls-fixture.ts';

const nowMs = Date.UTC(2026, 10, 24, 12);
const defaults: Config = {
  store: 'keychain',
  file: { kind: 'passphrase' },
  log: { level: 'info' },
  refresh: { schedule: '0 * * * *', spread: true },
  iam: {
    endpoint: 'https://iam.api.cloud.yandex.net',
    audience: 'https://iam.api.cloud.yandex.net/iam/v1/tokens',
    timeoutMs: 8_000,
  },
  network: { proxy: null, noProxy: [], certificates: null },
  http: { socket: false },
  metadata: { listen: null, allowAnyLocalUser: false },
};

interface Given extends Partial<Pick<ConfigInput, 'flags' | 'environment'>> {
  readonly yaml?: string;
}

describe('the configuration', () => {
  const folder = temporaryFolder();

  async function load({ flags = {}, environment = {}, yaml }: Given): ReturnType<typeof readConfig> {
    const path = join(folder(), 'config.yaml');
    if (yaml !== undefined) writeFileSync(path, yaml);
    return readConfig(path, yaml !== undefined, {
      flags,
      environment,
      scheduleFault: (pattern) => scheduleFault(pattern, nowMs),
    }).finally(() => rmSync(path, { force: true }));
  }

  async function configOf(given: Given): Promise<Config> {
    return (await load(given)).config;
  }

  /** `/c` stands for the folder. */
  async function mistakesOf(given: Given): Promise<readonly string[]> {
    const error: unknown = await load(given).then(
      () => assert.fail('no mistake was found'),
      (error: unknown) => error,
    );
    assert.ok(error instanceof ConfigError, String(error));
    return error.message.replaceAll(folder(), '/c').split('\n');
  }

  it('is the default where nobody says anything', async () => {
    assert.deepEqual(await configOf({}), defaults);
    for (const yaml of ['', '# nothing yet\n', '---\n', '{}', '\uFEFF']) {
      assert.deepEqual(await configOf({ yaml }), defaults, JSON.stringify(yaml));
    }
  });

  it('takes every key of the file', async () => {
    const caFile = join(folder(), 'ca.pem');
    writeFileSync(caFile, tlsCertificate);
    const yaml = `
store: memory
file: { key-file: /k }
log: { level: debug }
refresh: { schedule: "*/30 * * * *" }
iam: { endpoint: "https://iam.example.net/", audience: "https://aud.example.net", timeout: 1500ms }
network: { proxy: "http://proxy:3128", caFile: ${caFile} }
http: { socket: true }
metadata: { listen: 127.0.0.1:8099, allowAnyLocalUser: true }
`;
    assert.deepEqual(await configOf({ yaml }), {
      store: 'memory',
      file: { kind: 'key-file', path: '/k' },
      log: { level: 'debug' },
      refresh: { schedule: '*/30 * * * *', spread: false },
      iam: { endpoint: 'https://iam.example.net', audience: 'https://aud.example.net', timeoutMs: 1_500 },
      network: { proxy: 'http://proxy:3128', noProxy: [], certificates: tlsCertificate },
      http: { socket: true },
      metadata: { listen: { host: '127.0.0.1', port: 8099 }, allowAnyLocalUser: true },
    } satisfies Config);
  });

  const keys: readonly (readonly [string, StoreKey | null])[] = [
    ['{ key: passphrase }', { kind: 'passphrase' }],
    ['{ key-file: /etc/k }', { kind: 'key-file', path: '/etc/k' }],
    ['{ key: { key-file: /etc/k } }', { kind: 'key-file', path: '/etc/k' }],
    ['{ key: "key-file: /etc/a key" }', { kind: 'key-file', path: '/etc/a key' }],
    [String.raw`{ key-file: C:\k }`, { kind: 'key-file', path: String.raw`C:\k` }],
    ['{ credential: store.key }', { kind: 'credential', name: 'store.key' }],
    ['{ key: { credential: k } }', { kind: 'credential', name: 'k' }],
    ['{ key: "credential: k" }', { kind: 'credential', name: 'k' }],
    ['', { kind: 'passphrase' }],
    ['{ key: secret }', null],
    ['{ key: "passphrase: secret" }', null],
    ['{ key-file: k }', null],
    ['{ key-file: ~/k }', null],
    ['{ credential: ../k }', null],
    ['{ credential: .. }', null],
    ['{ credential: "" }', null],
    ['{ key-file: /k, credential: k }', null],
    ['{ passphrase: secret }', null],
    ['{}', { kind: 'passphrase' }],
    ['passphrase', null],
    ['[key]', null],
  ];
  for (const [yaml, expected] of keys) {
    it(`${expected === null ? 'refuses' : 'takes'} ${yaml} for the file store`, async () => {
      const text = `store: file\nfile: ${yaml}`;
      if (expected === null) {
        assert.deepEqual(await mistakesOf({ yaml: text }), [
          '/c/config.yaml:2: file: must be { key: passphrase }, { key-file: /PATH } or { credential: NAME }',
        ]);
      } else {
        assert.deepEqual((await configOf({ yaml: text })).file, expected);
      }
    });
  }

  const addresses: readonly (readonly [string, Config['metadata']['listen'] | null])[] = [
    ['127.0.0.1:8099', { host: '127.0.0.1', port: 8099 }],
    ['127.0.0.53:0', { host: '127.0.0.53', port: 0 }],
    ['"[::1]:65535"', { host: '::1', port: 65_535 }],
    ['0.0.0.0:8099', null],
    ['"[::]:8099"', null],
    ['"::1:8099"', null],
    ['169.254.169.254:80', null],
    ['10.0.0.1:8099', null],
    ['localhost:8099', null],
    ['127.1:8099', null],
    ['127.0.0.256:8099', null],
    ['127.0.0.1', null],
    ['127.0.0.1:65536', null],
    ['127.0.0.1:-1', null],
    ['http://127.0.0.1:8099', null],
    ['127.0.0.1:8099.evil.example', null],
    ['8099', null],
    ['true', null],
  ];
  for (const [yaml, expected] of addresses) {
    it(`${expected === null ? 'refuses' : 'takes'} ${yaml} for the metadata address`, async () => {
      const text = `metadata:\n  listen: ${yaml}`;
      if (expected === null) {
        assert.deepEqual(await mistakesOf({ yaml: text }), [
          '/c/config.yaml:2: metadata.listen: must be a loopback address and a port, like "127.0.0.1:8099"',
        ]);
      } else {
        assert.deepEqual((await configOf({ yaml: text })).metadata, {
          listen: expected,
          allowAnyLocalUser: false,
        });
      }
    });
  }

  it('takes a key without a value for one that is not there', async () => {
    const yaml = 'store:\nlog:\nrefresh: { schedule: }\niam:\n  # endpoint: https://x\nmetadata: { listen: }';
    assert.deepEqual(await configOf({ yaml }), await configOf({}));
  });

  it('goes by the flag, then by the environment, then by the file', async () => {
    const yaml = 'store: keychain\nlog: { level: error }';
    const environment = { IAM_TOKEND_STORE: 'memory', IAM_TOKEND_LOG_LEVEL: 'warn' };
    const flags = { store: 'keychain', logLevel: 'debug' };
    const said = async (input: Given): Promise<readonly string[]> => {
      const { store, log } = await configOf(input);
      return [store, log.level];
    };
    assert.deepEqual(await said({ yaml }), ['keychain', 'error']);
    assert.deepEqual(await said({ yaml, environment }), ['memory', 'warn']);
    assert.deepEqual(await said({ yaml, environment, flags }), ['keychain', 'debug']);
  });

  it('takes the proxy from the environment before the file, and no proxy from an empty variable', async () => {
    const yaml = 'network: { proxy: "http://file:1" }';
    const proxyOf = async (environment: ConfigInput['environment']): Promise<string | null> =>
      (await configOf({ yaml, environment })).network.proxy;
    assert.equal(await proxyOf({}), 'http://file:1');
    assert.equal(
      await proxyOf({ HTTPS_PROXY: 'http://upper:1', https_proxy: 'http://lower:1' }),
      'http://upper:1',
    );
    assert.equal(await proxyOf({ HTTPS_PROXY: '', https_proxy: 'http://lower:1' }), 'http://lower:1');
    assert.equal(await proxyOf({ HTTPS_PROXY: '', https_proxy: '' }), 'http://file:1');
    assert.equal((await configOf({ environment: { HTTPS_PROXY: '' } })).network.proxy, null);
  });

  it('reads NO_PROXY as a list, in either spelling', async () => {
    const noProxyOf = async (environment: ConfigInput['environment']): Promise<readonly string[]> =>
      (await configOf({ environment })).network.noProxy;
    assert.deepEqual(await noProxyOf({ NO_PROXY: 'a.example, .b.example c:1' }), [
      'a.example',
      '.b.example',
      'c:1',
    ]);
    assert.deepEqual(await noProxyOf({ NO_PROXY: '', no_proxy: 'a' }), ['a']);
  });

  it('never pairs an endpoint of the environment with an audience of the file', async () => {
    const yaml = 'iam: { endpoint: "https://file.example", audience: "https://file.example/aud" }';
    const environment = { IAM_TOKEND_IAM_ENDPOINT: 'https://env.example' };
    const { iam } = await configOf({ yaml, environment });
    assert.deepEqual(
      [iam.endpoint, iam.audience],
      ['https://env.example', 'https://env.example/iam/v1/tokens'],
    );
  });

  it('makes the audience that goes with an endpoint of the file', async () => {
    const { iam } = await configOf({ yaml: 'iam: { endpoint: "https://file.example" }' });
    assert.equal(iam.audience, 'https://file.example/iam/v1/tokens');
  });

  const endpoints: readonly (readonly [string, string | null])[] = [
    ['https://iam.example.net', 'https://iam.example.net'],
    ['https://iam.example.net:8443/base/', 'https://iam.example.net:8443/base'],
    ['http://127.0.0.1:8080', 'http://127.0.0.1:8080'],
    ['http://127.8.9.1:8080', 'http://127.8.9.1:8080'],
    ['http://2130706433/', 'http://127.0.0.1'],
    ['http://[::1]:8080', 'http://[::1]:8080'],
    ['http://localhost', 'http://localhost'],
    ['http://iam.example.net', null],
    ['http://localhost.example.net', null],
    ['http://127.0.0.1.example.net', null],
    ['http://169.254.169.254', null],
    ['http://0.0.0.0', null],
    ['https://user@iam.example.net', null],
    ['https://user:secret@iam.example.net', null],
    ['https://iam.example.net/?a=b', null],
    ['https://iam.example.net/#a', null],
    ['ftp://127.0.0.1', null],
    ['file:///etc/passwd', null],
    ['iam.example.net', null],
    ['', null],
  ];
  for (const [given, expected] of endpoints) {
    it(`${expected === null ? 'refuses' : 'takes'} ${JSON.stringify(given)} as the endpoint`, async () => {
      const yaml = `iam: { endpoint: ${JSON.stringify(given)} }`;
      const environment = { IAM_TOKEND_IAM_ENDPOINT: given };
      if (expected === null) {
        const sentence = 'must be an https URL (http only for a loopback address)';
        assert.deepEqual(await mistakesOf({ yaml }), [`/c/config.yaml:1: iam.endpoint: ${sentence}`]);
        assert.deepEqual(await mistakesOf({ environment }), [`IAM_TOKEND_IAM_ENDPOINT: ${sentence}`]);
      } else {
        assert.equal((await configOf({ yaml })).iam.endpoint, expected);
        assert.equal((await configOf({ environment })).iam.endpoint, expected);
      }
    });
  }

  it('reports all mistakes of a file together, each with its line', async () => {
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
  proxy: proxy:3128
`;
    assert.deepEqual(await mistakesOf({ yaml }), [
      '/c/config.yaml:1: store: must be one of keychain, file, memory',
      '/c/config.yaml:3: log.level: must be one of error, warn, info, debug',
      '/c/config.yaml:5: refresh.schedule: never fires',
      '/c/config.yaml:6: refresh.spred: there is no such key',
      '/c/config.yaml:7: refresh.sprad: there is no such key',
      '/c/config.yaml:10: iam.timeout: must be a time, like 8s',
      '/c/config.yaml:12: network.proxy: must be the URL of a proxy, like http://proxy:3128',
    ]);
  });

  it('reports the mistakes of file, flags and environment together', async () => {
    const mistakes = await mistakesOf({
      yaml: 'store: vault',
      flags: { store: 'vault', logLevel: '' },
      environment: {
        IAM_TOKEND_STORE: 'x',
        IAM_TOKEND_LOG_LEVEL: 'x',
        IAM_TOKEND_IAM_ENDPOINT: 'http://x',
        HTTPS_PROXY: 'proxy:3128',
      },
    });
    assert.deepEqual(
      mistakes.map((mistake) => mistake.slice(0, mistake.indexOf(': '))),
      [
        '/c/config.yaml:1',
        '--store',
        'IAM_TOKEND_STORE',
        '--log-level',
        'IAM_TOKEND_LOG_LEVEL',
        'IAM_TOKEND_IAM_ENDPOINT',
        'HTTPS_PROXY',
      ],
    );
  });

  const files: readonly (readonly [what: string, yaml: string, mistakes: readonly string[]])[] = [
    ['a key that is there twice', 'store: memory\nstore: keychain', ['2: Map keys must be unique']],
    [
      'a key that is there twice, with all else,',
      'store: vault\nhttp: 1\nstore: box\nbogus: 1',
      [
        '2: http: must be keys and values, not 1',
        '3: Map keys must be unique',
        '3: store: must be one of keychain, file, memory',
        '4: bogus: there is no such key',
      ],
    ],
    ['a tab', 'log:\n\tlevel: info', ['2: Tabs are not allowed as indentation']],
    ['an open quote', '\nstore: "memory', ['2: Missing closing "quote']],
    [
      'a cron pattern without quotes',
      'refresh:\n  schedule: */5 * * * *',
      ['2: Unexpected alias at node end', '2: */5: quote what begins with an asterisk'],
    ],
    ['an alias of nothing', 'log:\n  level: *info', ['2: *info: quote what begins with an asterisk']],
    ['a text', 'memory', ['1: must be keys and values, like "store: keychain"']],
    ['a list', '- store: memory', ['1: must be keys and values, like "store: keychain"']],
    ['a section that is none', '\niam: fast', ['2: iam: must be keys and values, not "fast"']],
    ['an empty audience', 'iam:\n  audience: ""', ['2: iam.audience: must not be empty']],
    ['a time that is none', 'iam: { timeout: soon }', ['1: iam.timeout: must be a time, like 8s']],
    ['a time that is too short', 'iam: { timeout: 99ms }', ['1: iam.timeout: must be at least 100ms']],
    ['a time that is too long', 'iam: { timeout: 61s }', ['1: iam.timeout: must be at most 60s']],
    [
      'a file that cannot be used, with all else',
      'network:\n  caFile: /gone.pem\nbogus: 1',
      [
        "2: network.caFile: cannot be read: ENOENT: no such file or directory, open '/gone.pem'",
        '3: bogus: there is no such key',
      ],
    ],
    ['a relative path', 'network: { caFile: ca.pem }', ['1: network.caFile: must be an absolute path']],
    [
      'the keys of Object',
      'constructor: 1\ntoString: 2',
      ['1: constructor: there is no such key', '2: toString: there is no such key'],
    ],
    ['__proto__', '__proto__: { store: memory }', ['1: __proto__: there is no such key']],
  ];
  for (const [what, yaml, mistakes] of files) {
    it(`finds ${what} in the file, and the line`, async () => {
      assert.deepEqual(
        await mistakesOf({ yaml }),
        mistakes.map((mistake) => `/c/config.yaml:${mistake}`),
      );
    });
  }

  it('never shows the password of a proxy', async () => {
    const proxy = 'http://me:hunter2@proxy:3128/path';
    const mistakes = [
      ...(await mistakesOf({ yaml: `network: { proxy: "${proxy}" }` })),
      ...(await mistakesOf({ environment: { HTTPS_PROXY: proxy } })),
    ];
    assert.equal(mistakes.length, 2);
    assert.ok(!mistakes.join().includes('hunter2'));
  });

  it('refuses a cron pattern that croner does not understand, and says why', async () => {
    const [mistake] = await mistakesOf({ yaml: 'refresh: { schedule: "61 * * * *" }' });
    assert.match(mistake ?? '', /^\/c\/config\.yaml:1: refresh\.schedule: is no cron pattern \(.*61\)$/);
  });

  it('spreads the default schedule only, and only unless told otherwise', async () => {
    const spreadOf = async (yaml: string): Promise<boolean> => (await configOf({ yaml })).refresh.spread;
    assert.equal(await spreadOf(''), true);
    assert.equal(await spreadOf('refresh: { spread: false }'), false);
    assert.equal(await spreadOf('refresh: { schedule: "0 * * * *" }'), false);
    assert.equal(await spreadOf('refresh: { schedule: "0 * * * *", spread: true }'), false);
  });

  it('warns of names with our prefix that mean nothing, and of no others', async () => {
    const { warnings } = await load({
      environment: {
        IAM_TOKEND_SOKET: '/x',
        IAM_TOKEND_SOCKET: '/x',
        IAM_TOKEND_PROFILE: 'work',
        IAM_TOKEND_STORE: 'memory',
        IAM_TOKEND_LOG_LEVEL: 'info',
        IAM_TOKEND_IAM_ENDPOINT: 'https://iam.example.net',
        IAM_TOKEN: 't1.x',
        HOME: '/home/ada',
      },
    });
    assert.deepEqual(warnings, ['IAM_TOKEND_SOKET is set, but there is no such setting']);
  });
});
