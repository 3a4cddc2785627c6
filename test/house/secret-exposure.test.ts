import assert from 'node:assert/strict';
import { assertNone, type Finding } from './findings.ts';
import { sourceFile, type SourceFile, sourceFiles } from './source-tree.ts';

interface Place {
  readonly file: string;
  readonly reason: string;
}

/** Every place that may give a `Secret` up, and what it needs the naked value for. */
const places: readonly Place[] = [
  { file: 'src/cli/login.ts', reason: 'it crosses the socket to the daemon' },
  { file: 'src/cli/lock.ts', reason: 'the passphrase crosses the socket to the daemon' },
  { file: 'src/daemon/credential-slots.ts', reason: 'the items of the store hold it' },
  {
    file: 'src/daemon/request-handler.ts',
    reason: 'the answer of `token` is the IAM token, and that of `awsCredentials` the keys',
  },
  { file: 'src/keychain/keytar-store.ts', reason: 'keytar takes a string' },
  {
    file: 'src/keychain/sealed-file.ts',
    reason: 'the sealed JSON of the file store holds it, and scrypt makes a key of the passphrase',
  },
  { file: 'src/sources/iam-api.ts', reason: 'the body of the exchange holds the credential' },
  { file: 'src/sources/kept.ts', reason: 'what a kind keeps as JSON is read back' },
  { file: 'src/sources/workload-identity.ts', reason: 'the form of the token exchange holds the OIDC token' },
];

/** Here `expose` is defined. */
const home = 'src/shared/secret.ts';

function findings(files: readonly SourceFile[], listed: readonly Place[]): readonly Finding[] {
  const callers = files
    .filter(({ path, code }) => path !== home && /\bexpose\b/.test(code))
    .map(({ path }) => path);
  return [
    ...callers
      .filter((path) => !listed.some(({ file }) => file === path))
      .map((path) => `${path}: calls expose() and is not in the list of test/house/secret-exposure.test.ts`),
    ...listed
      .filter(({ file }) => !callers.includes(file))
      .map(
        ({ file }) =>
          `${file}: is in the list of test/house/secret-exposure.test.ts and no longer calls expose()`,
      ),
  ];
}

describe('a secret', () => {
  it('is exposed in the listed places and nowhere else', () => {
    assertNone(findings(sourceFiles(), places));
  });

  it('has a reason for each place, which is listed once', () => {
    assert.ok(places.every(({ reason }) => reason.length > 10));
    assert.equal(new Set(places.map(({ file }) => file)).size, places.length);
  });
});

describe('the check of secrets', () => {
  const caller = sourceFile('src/sources/a.ts', 'send(secret.expose());');

  it('finds a caller that is not listed, however it calls', () => {
    assert.match(findings([caller], []).join(), /^src\/sources\/a\.ts: .*not in the list/);
    for (const text of ['secret?.expose()', "secret['expose']()", 'const { expose } = secret;']) {
      assert.equal(findings([sourceFile('src/cli/a.ts', text)], []).length, 1, text);
    }
  });

  it('finds a place that no longer calls', () => {
    const listed = [{ file: 'src/sources/a.ts', reason: 'the header of the request holds it' }];
    assert.deepEqual(findings([caller], listed), []);
    assert.match(findings([], listed).join(), /^src\/sources\/a\.ts: .*no longer calls/);
  });

  it('lets pass a comment, and the class itself', () => {
    const comment = sourceFile('src/cli/a.ts', '/** Nobody calls `expose()` here. */');
    assert.deepEqual(findings([comment, sourceFile(home, 'expose() {}')], []), []);
  });
});
