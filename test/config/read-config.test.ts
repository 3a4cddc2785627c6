import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Config } from '../../src/config/config.ts';
import type { ConfigInput } from '../../src/config/read-config.ts';
import { tlsCertificate } from '../support/network/tls-certificate.ts';
import { type ConfigFixtureInput, useConfigFixture } from './config-fixture.ts';

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
  network: { proxy: null, noProxy: [], certificates: [] },
  http: { socket: false },
  metadata: { listen: null, allowAnyLocalUser: false },
  login: { names: true },
  keys: { rotateAfterMs: null },
  metrics: { listen: null, accountIds: false },
  systemd: { credentialSocket: false },
  peers: { containers: 'tokens' },
  registries: [],
  hooks: { rotated: null, failing: null, login_required: null, locked: null },
};

describe('the configuration', () => {
  const { folder, load, configOf, violationsIn } = useConfigFixture();

  it('has defaults for everything', async () => {
    assert.deepEqual(await configOf({}), defaults);
    for (const yaml of ['', '# nothing yet\n', '---\n', '{}', '\uFEFF']) {
      assert.deepEqual(await configOf({ yaml }), defaults, JSON.stringify(yaml));
    }
  });

  it('reads every key of the file', async () => {
    const caFile = join(folder(), 'ca.pem');
    writeFileSync(caFile, tlsCertificate);
    const yaml = `
store: memory
file: { key-file: /k }
log: { level: debug }
refresh: { schedule: "*/30 * * * *" }
iam: { endpoint: "https://iam.example.net/", audience: "https://aud.example.net", timeout: 1500ms }
network: { proxy: "http://proxy:3128", caFile: ${caFile} }
http: { socket: true }\nmetadata: { listen: 127.0.0.1:8099, allowAnyLocalUser: true }
login: { names: false }
hooks: { rotated: [notify-send, a b], failing: [/usr/bin/true], login_required: [x], locked: [y] }
keys: { rotateAfter: 90d }\nmetrics: { listen: '[::]:9464', accountIds: true }\nsystemd: { credentialSocket: true }
`;
    assert.deepEqual(await configOf({ yaml }), {
      store: 'memory',
      file: { kind: 'key-file', path: '/k' },
      log: { level: 'debug' },
      refresh: { schedule: '*/30 * * * *', spread: false },
      iam: { endpoint: 'https://iam.example.net', audience: 'https://aud.example.net', timeoutMs: 1_500 },
      network: { proxy: 'http://proxy:3128', noProxy: [], certificates: [tlsCertificate] },
      http: { socket: true },
      metadata: { listen: { host: '127.0.0.1', port: 8099 }, allowAnyLocalUser: true },
      login: { names: false },
      keys: { rotateAfterMs: 90 * 86_400_000 },
      metrics: { listen: { host: '::', port: 9464 }, accountIds: true },
      systemd: { credentialSocket: true },
      peers: { containers: 'tokens' },
      registries: [],
      hooks: {
        rotated: ['notify-send', 'a b'],
        failing: ['/usr/bin/true'],
        login_required: ['x'],
        locked: ['y'],
      },
    } satisfies Config);
  });

  it('A1: trusts the certificates of NODE_EXTRA_CA_CERTS in addition to those of caFile', async () => {
    const path = join(folder(), 'ca.pem');
    writeFileSync(path, tlsCertificate);
    const environment = { NODE_EXTRA_CA_CERTS: path };
    assert.deepEqual((await configOf({ environment })).network.certificates, [tlsCertificate]);
    const { network } = await configOf({ environment, yaml: `network: { caFile: ${path} }` });
    assert.deepEqual(network.certificates, [tlsCertificate, tlsCertificate]);
  });

  it('A1: warns of a NODE_EXTRA_CA_CERTS that is ignored', async () => {
    const path = join(folder(), 'ca.pem');
    writeFileSync(path, 'no certificate');
    for (const [file, reason] of [
      [path, 'contains no PEM certificate'],
      ['/nowhere.pem', 'cannot be read: no such file or folder'],
    ] as const) {
      const { config, warnings } = await load({ environment: { NODE_EXTRA_CA_CERTS: file } });
      assert.deepEqual(config.network.certificates, []);
      assert.deepEqual(warnings, [`NODE_EXTRA_CA_CERTS is ignored: ${file} ${reason}`]);
    }
  });

  it('B7: names each invalid certificate of caFile by its line, and accepts the others', async () => {
    const path = join(folder(), 'ca.pem');
    const yaml = `network: { caFile: ${path} }`;
    const withoutEnd = tlsCertificate.replace(/-----END.*\n/, '');
    const lineCount = tlsCertificate.split('\n').length - 1;
    writeFileSync(path, [tlsCertificate, withoutEnd, tlsCertificate.replace(/\nMI/, '\n!!'), ''].join(''));
    assert.deepEqual(await violationsIn({ yaml }), [
      `/c/config.yaml:1: network.caFile: "/c/ca.pem" line ${lineCount + 1}: the certificate has no line "-----END CERTIFICATE-----"`,
      `/c/config.yaml:1: network.caFile: "/c/ca.pem" line ${2 * lineCount}: not a valid certificate (bad base64 decode)`,
    ]);
    const { config, warnings } = await load({ environment: { NODE_EXTRA_CA_CERTS: path } });
    assert.deepEqual(config.network.certificates, [tlsCertificate]);
    assert.equal(warnings.length, 2);
    assert.equal(
      warnings[1]?.replace(folder(), '/c'),
      `NODE_EXTRA_CA_CERTS: a certificate is ignored: /c/ca.pem line ${2 * lineCount}: not a valid certificate (bad base64 decode)`,
    );
  });

  it('E10: reads caFile with the deadline of the caller, also beside a duplicate key', async () => {
    const read: string[] = [];
    const readText = (path: string): Promise<string> => {
      if (!path.startsWith('/dead')) return readFile(path, 'utf8');
      read.push(path);
      return Promise.reject(new Error('no response within 2 s'));
    };
    const yaml = 'network: { caFile: /dead/ca.pem }\nstore: memory\nstore: memory';
    assert.deepEqual(await violationsIn({ yaml, readText }), [
      '/c/config.yaml:1: network.caFile: "/dead/ca.pem" cannot be read: no response within 2 s',
      '/c/config.yaml:3: Map keys must be unique',
    ]);
    assert.deepEqual(read, ['/dead/ca.pem']);
  });

  it('treats a key without a value as absent', async () => {
    const yaml = 'store:\nlog:\nrefresh: { schedule: }\niam:\n  # endpoint: https://x\nmetadata: { listen: }';
    assert.deepEqual(await configOf({ yaml }), await configOf({}));
  });

  it('prefers flags to the environment, and the environment to the file', async () => {
    const yaml = 'store: keychain\nlog: { level: error }';
    const environment = { IAM_TOKEND_STORE: 'memory', IAM_TOKEND_LOG_LEVEL: 'warn' };
    const flags = { store: 'keychain', logLevel: 'debug' };
    const effectiveSettings = async (input: ConfigFixtureInput): Promise<readonly string[]> => {
      const { store, log } = await configOf(input);
      return [store, log.level];
    };
    assert.deepEqual(await effectiveSettings({ yaml }), ['keychain', 'error']);
    assert.deepEqual(await effectiveSettings({ yaml, environment }), ['memory', 'warn']);
    assert.deepEqual(await effectiveSettings({ yaml, environment, flags }), ['keychain', 'debug']);
  });

  it('prefers the proxy of the environment, and ignores an empty variable', async () => {
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

  for (const [value, proxy] of [
    ['proxy:3128', 'http://proxy:3128'],
    ['HTTP://proxy:3128/', 'http://proxy:3128'],
    ['https://proxy', 'https://proxy'],
    ['me:50%@proxy:3128', 'http://me:50%@proxy:3128'],
    ['http://[::1]:3128', 'http://[::1]:3128'],
  ] as const) {
    it(`B6: reads the proxy ${value} as curl does`, async () => {
      assert.equal((await configOf({ environment: { HTTPS_PROXY: value } })).network.proxy, proxy);
      assert.equal((await configOf({ yaml: `network: { proxy: "${value}" }` })).network.proxy, proxy);
    });
  }

  for (const [value, shown, rule] of [
    ['socks5://proxy:1080', 'socks5://proxy:1080', 'must be an HTTP proxy: no other kind is supported'],
    ['SOCKS5H://proxy', 'SOCKS5H://proxy', 'must be an HTTP proxy: no other kind is supported'],
    ['http://', 'http://', 'must be the address of a proxy, such as http://proxy:3128'],
    [
      'http://me:hunter#2@proxy:3128',
      'http://…@proxy:3128',
      'must be the address of a proxy, such as http://proxy:3128; in a password, # is %23, / is %2F and ? is %3F',
    ],
  ] as const) {
    it(`B6: ignores the unusable proxy ${shown} of the environment with a warning, and rejects it in the file`, async () => {
      const { config, warnings } = await load({ environment: { HTTPS_PROXY: value } });
      assert.equal(config.network.proxy, null);
      assert.deepEqual(warnings, [`HTTPS_PROXY: "${shown}" ${rule}; it is ignored`]);
      assert.deepEqual(await violationsIn({ yaml: `network: { proxy: "${value}" }` }), [
        `/c/config.yaml:1: network.proxy: "${shown}" ${rule}`,
      ]);
    });
  }

  it('reads NO_PROXY or no_proxy as a list', async () => {
    const noProxyOf = async (environment: ConfigInput['environment']): Promise<readonly string[]> =>
      (await configOf({ environment })).network.noProxy;
    assert.deepEqual(await noProxyOf({ NO_PROXY: 'a.example, .b.example c:1' }), [
      'a.example',
      '.b.example',
      'c:1',
    ]);
    assert.deepEqual(await noProxyOf({ NO_PROXY: '', no_proxy: 'a' }), ['a']);
  });

  it('never combines an endpoint of the environment with an audience of the file', async () => {
    const yaml = 'iam: { endpoint: "https://file.example", audience: "https://file.example/aud" }';
    const environment = { IAM_TOKEND_IAM_ENDPOINT: 'https://env.example' };
    const { iam } = await configOf({ yaml, environment });
    assert.deepEqual(
      [iam.endpoint, iam.audience],
      ['https://env.example', 'https://env.example/iam/v1/tokens'],
    );
  });

  it('derives the audience from an endpoint of the file', async () => {
    const { iam } = await configOf({ yaml: 'iam: { endpoint: "https://file.example" }' });
    assert.equal(iam.audience, 'https://file.example/iam/v1/tokens');
  });

  it('spreads the default schedule only, unless that is turned off', async () => {
    const spreadOf = async (yaml: string): Promise<boolean> => (await configOf({ yaml })).refresh.spread;
    assert.equal(await spreadOf(''), true);
    assert.equal(await spreadOf('refresh: { spread: false }'), false);
    assert.equal(await spreadOf('refresh: { schedule: "0 * * * *" }'), false);
    assert.equal(await spreadOf('refresh: { schedule: "0 * * * *", spread: true }'), false);
  });

  it('reports the violations of file, flags and environment together', async () => {
    const violations = await violationsIn({
      yaml: 'store: vault',
      flags: { store: 'vault', logLevel: '' },
      environment: {
        IAM_TOKEND_STORE: 'x',
        IAM_TOKEND_LOG_LEVEL: 'x',
        IAM_TOKEND_IAM_ENDPOINT: 'http://x',
      },
    });
    assert.deepEqual(
      violations.map((violation) => violation.slice(0, violation.indexOf(': '))),
      [
        '/c/config.yaml:1',
        '--store',
        'IAM_TOKEND_STORE',
        '--log-level',
        'IAM_TOKEND_LOG_LEVEL',
        'IAM_TOKEND_IAM_ENDPOINT',
      ],
    );
  });

  it('never shows a passphrase in the place of the kind of key', async () => {
    for (const yaml of ['file: hunter2', 'file: { key: hunter2 }', 'file: { hunter2: 1 }']) {
      const violations = await violationsIn({ yaml });
      assert.equal(violations.length, 1);
      assert.ok(!violations.join().includes('hunter2'), yaml);
    }
  });

  it('never shows the password of a proxy', async () => {
    for (const proxy of [
      'http://me:hunter2@proxy:3128/path',
      'http://me:hunter2/3@proxy:3128',
      'me:hunter2@proxy:port',
    ]) {
      const violations = [
        ...(await violationsIn({ yaml: `network: { proxy: "${proxy}" }` })),
        ...(await load({ environment: { HTTPS_PROXY: proxy } })).warnings,
      ];
      assert.equal(violations.length, 2);
      assert.ok(!violations.join().includes('hunter2'), proxy);
    }
  });

  it('warns of unknown names with our prefix only', async () => {
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
    assert.deepEqual(warnings, [
      'unknown environment variable IAM_TOKEND_SOKET; known: IAM_TOKEND_SOCKET, IAM_TOKEND_PROFILE, ' +
        'IAM_TOKEND_IAM_ENDPOINT, IAM_TOKEND_STORE, IAM_TOKEND_LOG_LEVEL',
    ]);
  });
});
