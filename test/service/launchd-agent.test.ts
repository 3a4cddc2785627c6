import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { defineLaunchdAgent } from '../../src/service/launchd-agent.ts';
import { root } from '../conventions/source-tree.ts';
import { readPropertyList } from '../support/property-list.ts';
import { refusedPaths } from './refused-paths.ts';

const agent = defineLaunchdAgent('/Users/anna', 501, '/Users/anna/Library/Logs/iam-tokend');
const template = readFileSync(join(root, agent.files[0]?.templatePath ?? ''), 'utf8');

describe('defineLaunchdAgent', () => {
  it('changes only the command of the packaged property list', () => {
    const argv = ['/opt/homebrew/bin/node', '/Users/anna & co/<lib> "$&"/iam-tokend.js'] as const;
    const { value, repeated } = readPropertyList(agent.fillTemplate(template, argv));
    const { value: templateValue } = readPropertyList(template);
    const envCommand = (templateValue['ProgramArguments'] as readonly string[]).slice(0, -1);
    assert.deepEqual(value['ProgramArguments'], [...envCommand, ...argv]);
    assert.deepEqual({ ...value, ProgramArguments: [...envCommand, 'iam-tokend'] }, templateValue);
    assert.deepEqual(repeated, []);
  });

  it('starts and stops the agent in the session of its user', () => {
    assert.deepEqual(
      [...agent.startCommands, ...agent.stopCommands, ...agent.disableCommands].map(({ argv }) =>
        argv.join(' '),
      ),
      [
        'launchctl bootout gui/501/io.github.iam-tokend',
        'launchctl bootstrap gui/501 /Users/anna/Library/LaunchAgents/io.github.iam-tokend.plist',
        'launchctl kill SIGTERM gui/501/io.github.iam-tokend',
        'launchctl bootout gui/501/io.github.iam-tokend',
      ],
    );
  });

  for (const path of refusedPaths) {
    it(`D7: refuses the path ${JSON.stringify(path)}`, () => {
      assert.throws(() => agent.fillTemplate(template, ['/usr/bin/node', path]), {
        code: 'bad_request',
        message: /contains a control character or bytes that are not UTF-8/,
      });
    });
  }
});
