import assert from 'node:assert/strict';
import { assertNoFindings, type Finding } from './findings.ts';
import { parseSourceFile, type SourceFile, readSourceFiles } from './source-tree.ts';

interface ExposeCaller {
  readonly file: string;
  readonly reason: string;
}

/** Every place that may give a `Secret` up, and what it needs the naked value for. */
const exposeCallers: readonly ExposeCaller[] = [
  { file: 'src/cli/commands/setup/login.ts', reason: 'it crosses the socket to the daemon' },
  { file: 'src/cli/unlock-store.ts', reason: 'the passphrase crosses the socket to the daemon' },
  { file: 'src/daemon/profiles/credential-slots.ts', reason: 'the items of the store hold it' },
  { file: 'src/daemon/slots/parse-items.ts', reason: 'an item of the store is read back' },
  {
    file: 'src/daemon/requests/token-handlers.ts',
    reason: 'the result of `token` is the IAM token, and that of `awsCredentials` the keys',
  },
  { file: 'src/service/credential-server.ts', reason: 'systemd gets the token for the credential of a unit' },
  { file: 'src/stores/keychain/keytar-store.ts', reason: 'keytar takes a string' },
  {
    file: 'src/stores/file/sealed-file.ts',
    reason: 'the sealed JSON of the file store holds it, and scrypt makes a key of the passphrase',
  },
  { file: 'src/sources/exchange/iam-api.ts', reason: 'the body of the exchange holds the credential' },
  { file: 'src/sources/parse-stored.ts', reason: 'what a kind keeps as JSON is read back' },
  {
    file: 'src/sources/kinds/workload-identity.ts',
    reason: 'the form of the token exchange holds the OIDC token',
  },
];

/** Here `expose` is defined. */
const secretFile = 'src/shared/secret.ts';

function checkExposeCallers(
  files: readonly SourceFile[],
  allowedCallers: readonly ExposeCaller[],
): readonly Finding[] {
  const callers = files
    .filter(({ path, code }) => path !== secretFile && /\bexpose\b/.test(code))
    .map(({ path }) => path);
  return [
    ...callers
      .filter((path) => !allowedCallers.some(({ file }) => file === path))
      .map(
        (path) =>
          `${path}: calls expose() and is not in the list of test/conventions/secret-exposure.test.ts`,
      ),
    ...allowedCallers
      .filter(({ file }) => !callers.includes(file))
      .map(
        ({ file }) =>
          `${file}: is in the list of test/conventions/secret-exposure.test.ts and no longer calls expose()`,
      ),
  ];
}

describe('a secret', () => {
  it('is exposed by the listed callers only', () => {
    assertNoFindings(checkExposeCallers(readSourceFiles(), exposeCallers));
  });

  it('has one reason for each caller', () => {
    assert.ok(exposeCallers.every(({ reason }) => reason.length > 10));
    assert.equal(new Set(exposeCallers.map(({ file }) => file)).size, exposeCallers.length);
  });
});

describe('the check of exposed secrets', () => {
  const callerFile = parseSourceFile('src/sources/a.ts', 'send(secret.expose());');

  it('finds an unlisted caller in every form of call', () => {
    assert.match(checkExposeCallers([callerFile], []).join(), /^src\/sources\/a\.ts: .*not in the list/);
    for (const text of ['secret?.expose()', "secret['expose']()", 'const { expose } = secret;']) {
      assert.equal(checkExposeCallers([parseSourceFile('src/cli/a.ts', text)], []).length, 1, text);
    }
  });

  it('finds a listed caller that no longer calls', () => {
    const allowedCallers = [{ file: 'src/sources/a.ts', reason: 'the header of the request holds it' }];
    assert.deepEqual(checkExposeCallers([callerFile], allowedCallers), []);
    assert.match(checkExposeCallers([], allowedCallers).join(), /^src\/sources\/a\.ts: .*no longer calls/);
  });

  it('ignores comments and the class itself', () => {
    const comment = parseSourceFile('src/cli/a.ts', '/** No call of `expose()` here. */');
    assert.deepEqual(checkExposeCallers([comment, parseSourceFile(secretFile, 'expose() {}')], []), []);
  });
});
