import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { clientBundle } from '../support/processes/run-cli.ts';
import { oauthToken, type TestEnvironment, startTestEnvironment } from '../support/test-environment.ts';

/** Programs of Debian that run a credential helper. */
describe('credential helpers', () => {
  let testEnv: TestEnvironment;

  before(async () => {
    testEnv = await startTestEnvironment({ store: 'memory' });
    await testEnv.startDaemon();
    await testEnv.iamToken(['login', '--stdin'], oauthToken);
    mkdirSync(join(testEnv.folder, 'bin'));
    const program = join(testEnv.folder, 'bin/iam-token');
    writeFileSync(program, `#!/bin/sh\nexec '${process.execPath}' '${clientBundle}' "$@"\n`);
    chmodSync(program, 0o755);
  });
  after(() => testEnv?.stop());

  /** The output of a program; `null` if it is not installed. */
  function runProgram(...[program = '', ...args]: readonly string[]): Promise<string | null> {
    const path = [join(testEnv.folder, 'bin'), process.env['PATH']].join(delimiter);
    return new Promise((resolve, reject) => {
      execFile(program, args, { env: { ...testEnv.environment, PATH: path } }, (error, stdout, stderr) => {
        if (error?.code === 'ENOENT') resolve(null);
        else if (error === null) resolve(stdout);
        else reject(new Error(stderr, { cause: error }));
      });
    });
  }

  it('supply botocore, the library of the AWS CLI and boto3', async function () {
    mkdirSync(join(testEnv.folder, '.aws'), { recursive: true });
    writeFileSync(
      join(testEnv.folder, '.aws/config'),
      '[profile yc]\ncredential_process = iam-token aws-credential-process\n',
    );
    const script = `
try: import botocore.session
except ImportError: print("none"); raise SystemExit
print(*botocore.session.Session(profile="yc").get_credentials().get_frozen_credentials()[:3])`;
    const credentials = await runProgram('python3', '-c', script);
    if (credentials === null || credentials === 'none\n') this.skip();
    assert.match(credentials, /^YCE\S+ YCM\S+ s1\.\S+\n$/);
  });
});
