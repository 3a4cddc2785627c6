import assert from 'node:assert/strict';
import type { Config } from '../../src/config/config.ts';
import type { StoreKey } from '../../src/config/store-key-schema.ts';
import { useConfigFixture } from './config-fixture.ts';

describe('the setting', () => {
  const { configOf, violationsIn } = useConfigFixture();

  const keys: readonly (readonly [string, StoreKey | null])[] = [
    ['{ key: passphrase }', { kind: 'passphrase' }],
    ['{ key-file: /etc/k }', { kind: 'key-file', path: '/etc/k' }],
    ['{ key: { key-file: /etc/k } }', { kind: 'key-file', path: '/etc/k' }],
    ['{ key: "key-file: /etc/a key" }', { kind: 'key-file', path: '/etc/a key' }],
    [String.raw`{ key-file: C:\k }`, null],
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
    it(`file ${expected === null ? 'rejects' : 'accepts'} ${yaml}`, async () => {
      const text = `store: file\nfile: ${yaml}`;
      if (expected === null) {
        assert.deepEqual(await violationsIn({ yaml: text }), [
          '/c/config.yaml:2: file: must be { key: passphrase }, { key-file: /PATH } or { credential: NAME }',
        ]);
      } else {
        assert.deepEqual((await configOf({ yaml: text })).file, expected);
      }
    });
  }

  const hookRule = 'must be a list: the name or the absolute path of a program, and its arguments';
  for (const [yaml, violation] of [
    ['{ rotated: [] }', `rotated: ${hookRule}`],
    ['{ rotated: notify-send secret }', `rotated: ${hookRule}`],
    ['{ failing: [./hook] }', `failing: ${hookRule}`],
    ['{ failing: [~/hook] }', `failing: ${hookRule}`],
    ['{ locked: ["a b"] }', `locked: ${hookRule}`],
    ['{ locked: [curl, 5] }', `locked.1: ${hookRule}`],
    ['{ rotatd: [x] }', 'rotatd: unknown key'],
  ] as const)
    it(`18.6: hooks rejects ${yaml}, and does not repeat it`, async () => {
      assert.deepEqual(await violationsIn({ yaml: `hooks: ${yaml}` }), [
        `/c/config.yaml:1: hooks.${violation}`,
      ]);
    });

  it('18.6: hooks accepts a program by its path on Windows', async () => {
    const yaml = String.raw`hooks: { locked: ['C:\tools\tell.exe', x] }`;
    const { hooks } = await configOf({ yaml, platform: 'win32' });
    assert.deepEqual(hooks.locked, [String.raw`C:\tools\tell.exe`, 'x']);
  });

  const windowsPaths: readonly (readonly [yaml: string, path: string | null])[] = [
    ['C:/certificates/ca.pem', 'C:/certificates/ca.pem'],
    [String.raw`C:\certificates\ca.pem`, String.raw`C:\certificates\ca.pem`],
    [String.raw`'C:\certificates\ca.pem'`, String.raw`C:\certificates\ca.pem`],
    [String.raw`"C:\\certificates\\ca.pem"`, String.raw`C:\certificates\ca.pem`],
    [String.raw`\\server\share\ca.pem`, String.raw`\\server\share\ca.pem`],
    ['//server/share/ca.pem', '//server/share/ca.pem'],
    [String.raw`\\?\C:\ca.pem`, String.raw`\\?\C:\ca.pem`],
    ['ca.pem', null],
    ['C:ca.pem', null],
    [String.raw`folder\ca.pem`, null],
    [String.raw`"C:\new\ca.pem"`, null],
  ];
  for (const [yaml, path] of windowsPaths) {
    it(`B7: paths on Windows ${path === null ? 'must be absolute, unlike' : 'can be'} ${yaml}`, async () => {
      const caFile = violationsIn({ yaml: `network: { caFile: ${yaml} }`, platform: 'win32' });
      const keyFile = { yaml: `file: { key-file: ${yaml} }`, platform: 'win32' } as const;
      if (path === null) {
        assert.match((await caFile).join(), /must be an absolute path|put a Windows path in single quotes/);
        assert.match(
          (await violationsIn(keyFile)).join(),
          /must be \{ key|put a Windows path in single quotes/,
        );
      } else {
        const reason = 'cannot be read: no such file or folder';
        assert.deepEqual(await caFile, [
          `/c/config.yaml:1: network.caFile: ${JSON.stringify(path)} ${reason}`,
        ]);
        assert.deepEqual((await configOf(keyFile)).file, { kind: 'key-file', path });
      }
    });
  }

  it('B7: paths of Windows are not absolute elsewhere', async () => {
    const yaml = 'network: { caFile: C:/certificates/ca.pem }';
    assert.deepEqual(await violationsIn({ yaml }), [
      '/c/config.yaml:1: network.caFile: "C:/certificates/ca.pem" must be an absolute path',
    ]);
  });

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
    it(`metadata.listen ${expected === null ? 'rejects' : 'accepts'} ${yaml}`, async () => {
      const text = `metadata:\n  listen: ${yaml}`;
      if (expected === null) {
        const quotedValue = /^(?:"|8099$|true)/.test(yaml) ? yaml : `"${yaml}"`;
        assert.deepEqual(await violationsIn({ yaml: text }), [
          `/c/config.yaml:2: metadata.listen: ${quotedValue} must be a loopback address and a port, such as 127.0.0.1:8099`,
        ]);
      } else {
        assert.deepEqual((await configOf({ yaml: text })).metadata, {
          listen: expected,
          allowAnyLocalUser: false,
        });
      }
    });
  }

  const metricsAddresses: readonly (readonly [string, Config['metrics']['listen'] | null])[] = [
    ['127.0.0.1:9464', { host: '127.0.0.1', port: 9_464 }],
    ['0.0.0.0:9464', { host: '0.0.0.0', port: 9_464 }],
    ['10.1.2.3:0', { host: '10.1.2.3', port: 0 }],
    ['"[::]:9464"', { host: '::', port: 9_464 }],
    ['"[2001:db8::1]:9464"', { host: '2001:db8::1', port: 9_464 }],
    ['":9464"', null],
    ['"*:9464"', null],
    ['"::1:9464"', null],
    ['"[127.0.0.1]:9464"', null],
    ['localhost:9464', null],
    ['10.1.2.256:9464', null],
    ['10.1.2.3:65536', null],
    ['10.1.2.3', null],
    ['http://10.1.2.3:9464', null],
  ];
  for (const [yaml, expected] of metricsAddresses) {
    it(`19.3: metrics.listen ${expected === null ? 'rejects' : 'accepts'} ${yaml}`, async () => {
      const text = `metrics:\n  listen: ${yaml}`;
      if (expected !== null)
        return assert.deepEqual((await configOf({ yaml: text })).metrics.listen, expected);
      assert.match(
        (await violationsIn({ yaml: text })).join('\n'),
        /^\/c\/config\.yaml:2: metrics\.listen: .* must be an IP address and a port, such as 127\.0\.0\.1:9464 or \[::\]:9464$/,
      );
    });
  }

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
  for (const [input, expected] of endpoints) {
    it(`iam.endpoint ${expected === null ? 'rejects' : 'accepts'} ${JSON.stringify(input)}`, async () => {
      const yaml = `iam: { endpoint: ${JSON.stringify(input)} }`;
      const environment = { IAM_TOKEND_IAM_ENDPOINT: input };
      if (expected === null) {
        const shownValue = JSON.stringify(input.replace(/[^/]*@/, '…@'));
        const sentence = `${shownValue} must be an https URL (http only for a loopback address)`;
        assert.deepEqual(await violationsIn({ yaml }), [`/c/config.yaml:1: iam.endpoint: ${sentence}`]);
        assert.deepEqual(await violationsIn({ environment }), [`IAM_TOKEND_IAM_ENDPOINT: ${sentence}`]);
      } else {
        assert.equal((await configOf({ yaml })).iam.endpoint, expected);
        assert.equal((await configOf({ environment })).iam.endpoint, expected);
      }
    });
  }

  it('refresh.schedule rejects an invalid cron pattern, with the reason', async () => {
    const [violation] = await violationsIn({ yaml: 'refresh: { schedule: "61 * * * *" }' });
    assert.match(
      violation ?? '',
      /^\/c\/config\.yaml:1: refresh\.schedule: "61 \* \* \* \*" is not a cron pattern \(.*61\)$/,
    );
  });
});
