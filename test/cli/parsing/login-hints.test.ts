import assert from 'node:assert/strict';
import { parseCommandLine } from '../../../src/cli/parsing/parse-command-line.ts';
import { formatHint, pickLoginSettings } from '../../../src/shared/hint.ts';
import { credentialKinds } from '../../../src/sources/credential-kinds.ts';

describe('the hint to log in', () => {
  for (const { name: kind } of credentialKinds) {
    it(`is a command with the options of ${kind}`, () => {
      const [program, ...args] = formatHint({ command: 'login' }, { name: 'work', kind }).split(' ');
      assert.equal(program, 'iam-token');
      const { command, options } = parseCommandLine(args);
      assert.equal(command.name, 'login');
      assert.ok(options.has(kind));
      assert.equal(options.get('profile'), 'work');
    });
  }

  it('C1: repeats what the daemon may send of a login, and nothing else', () => {
    const settings = { path: '/usr/bin/yc', profile: 'prod', serviceAccountId: 'ajex', tokenFile: 'a\nb' };
    assert.deepEqual(pickLoginSettings('yc', settings), { profile: 'prod' });
    assert.deepEqual(pickLoginSettings('workload-identity', settings), { serviceAccountId: 'ajex' });
    assert.equal(pickLoginSettings('oauth', settings), undefined);
    assert.equal(pickLoginSettings('nope', settings), undefined);
  });
});
