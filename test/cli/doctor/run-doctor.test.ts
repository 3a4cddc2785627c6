import assert from 'node:assert/strict';
import { useDoctorFixture } from './doctor-fixture.ts';

describe('doctor', () => {
  const { fixture, run, runChecks } = useDoctorFixture();

  it('checks each step once, calls IAM without credentials, and exits with 0', async () => {
    const { findings, code } = await runChecks();
    assert.equal(code, 0);
    assert.deepEqual(
      findings.map(({ check, mark }) => `${check} ${mark}`),
      [
        'client ok',
        'configuration ok',
        'folder ok',
        'socket ok',
        'daemon ok',
        'versions ok',
        'manager ok',
        'node ok',
        'store ok',
        'containers ok',
        'environment ok',
        'path skipped',
        'clock ok',
        'dns ok',
        'proxy ok',
        'tls skipped',
        'iam ok',
        'profiles ok',
        'profile work ok',
        'keys ok',
      ],
    );
    assert.deepEqual(
      fixture()
        .emulator.listRequests()
        .map(({ method, path, status }) => `${method} ${path} ${status}`),
      ['POST /iam/v1/tokens 400'],
    );
  });

  it('prints one line for each result, its hint below, and no control characters', async () => {
    const hint = 'call\x1b[31m support';
    const problem = { code: 'login_required', message: 'IAM\nsays no', hint } as const;
    fixture().profiles = fixture().profiles.map((each) => ({ ...each, state: 'login_required', problem }));
    const { stdout, stderr, code } = await run();
    assert.match(stdout, /^ok {7}client {9}iam-token /);
    assert.match(
      stdout,
      /^failed {3}profile work {3}IAM\n {24}says no; token .*\n {24}hint: call\\u\{1b\}\[31m support$/m,
    );
    assert.deepEqual({ stderr, code }, { stderr: '', code: 4 });
  });

  it('prints each line of a hint on its own line', async () => {
    const problem = { code: 'login_required', message: 'expired', hint: 'a page\na command' } as const;
    fixture().profiles = fixture().profiles.map((each) => ({ ...each, state: 'login_required', problem }));
    assert.match((await run()).stdout, /\n {24}hint: a page\n {24}hint: a command$/m);
  });
});
