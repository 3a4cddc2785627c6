import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  findUnsafeVariables,
  removeUnsafeVariables,
  unsafeVariables,
  withoutUnsafeVariables,
} from '../../src/platform/unsafe-environment.ts';
import { root } from '../conventions/source-tree.ts';

describe('the variables that the daemon does not accept', () => {
  const namesIn = (environment: Readonly<Record<string, string>>): readonly string[] =>
    findUnsafeVariables(environment).map(({ name }) => name);

  it('A1: are named in SECURITY.md, each once in the table', () => {
    const text = readFileSync(join(root, 'SECURITY.md'), 'utf8');
    assert.deepEqual(
      unsafeVariables.filter(({ name }) => !text.includes(`\`${name}\``)),
      [],
    );
    assert.equal(new Set(unsafeVariables.map(({ name }) => name)).size, unsafeVariables.length);
  });

  it('A1: do not include the documented ones', () => {
    const documented = ['HTTPS_PROXY', 'NO_PROXY', 'NODE_EXTRA_CA_CERTS', 'PATH', 'HOME', 'XDG_RUNTIME_DIR'];
    const environment = Object.fromEntries(documented.map((name) => [name, 'x']));
    assert.deepEqual(withoutUnsafeVariables(environment), environment);
  });

  it('A1: are found unless they are empty', () => {
    assert.deepEqual(namesIn({ OPENSSL_CONF: '', NODE_TLS_REJECT_UNAUTHORIZED: '0' }), [
      'NODE_TLS_REJECT_UNAUTHORIZED',
    ]);
  });

  for (const options of [
    '--tls-min-v1.0',
    '--no-warnings --tls-keylog=/k',
    '--trace-tls',
    '--use-system-ca',
    '--use-openssl-ca',
    '--use-env-proxy',
    '--openssl-config=/c',
    '--openssl-legacy-provider',
    '--insecure-http-parser',
    '--require=/x.cjs',
    '-r /x.cjs',
    '--import /x.mjs',
    '--experimental-loader=/x.mjs',
    '--inspect',
    '--inspect-brk=0',
    '--heapsnapshot-signal=SIGUSR2',
    '--report-on-signal',
    '"--require" /x.cjs',
    '--experimental_loader=/x.mjs',
    '--tls_keylog=/k',
    '--redirect-warnings=/f',
  ]) {
    it(`A1: include NODE_OPTIONS with ${options}`, () =>
      assert.deepEqual(namesIn({ NODE_OPTIONS: options }), ['NODE_OPTIONS']));
  }

  it('A1: do not include NODE_OPTIONS that tune memory or warnings', () => {
    for (const options of [
      '--max-old-space-size=4096',
      '--no-deprecation --enable-source-maps',
      '--stack-size=9',
    ])
      assert.deepEqual(namesIn({ NODE_OPTIONS: options }), [], options);
  });

  it('A1: are removed from the environment, each with a warning', () => {
    const environment = { PATH: '/bin', LD_PRELOAD: '/x.so', NODE_USE_SYSTEM_CA: '1', SSL_CERT_DIR: '' };
    assert.deepEqual(removeUnsafeVariables(environment), {
      names: ['NODE_USE_SYSTEM_CA', 'LD_PRELOAD'],
      warnings: [
        'NODE_USE_SYSTEM_CA is ignored: it can add trusted authorities',
        'LD_PRELOAD was set when the daemon started, and can load code into every program',
      ],
    });
    assert.deepEqual(environment, { PATH: '/bin' });
  });
});
