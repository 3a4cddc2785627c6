import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { launchdAgent } from '../../src/service/launchd-agent.ts';
import { root } from '../house/source-tree.ts';
import { readPropertyList } from '../support/property-list.ts';

const agent = launchdAgent('/Users/anna', 501, '/Users/anna/Library/Logs/iam-tokend');
const packaged = readFileSync(join(root, agent.files[0]?.packaged ?? ''), 'utf8');

describe('the launchd agent of a person', () => {
  it('is that of the package, but for the command that is started', () => {
    const argv = ['/opt/homebrew/bin/node', '/Users/anna & co/<lib> "$&"/iam-tokend.js'] as const;
    const { value, repeated } = readPropertyList(agent.fill(packaged, argv));
    assert.deepEqual(value['ProgramArguments'], argv);
    assert.deepEqual(
      { ...value, ProgramArguments: ['/usr/bin/env', 'iam-tokend'] },
      readPropertyList(packaged).value,
    );
    assert.deepEqual(repeated, []);
  });

  it('is started and ended in the session of that person', () => {
    assert.deepEqual(
      [...agent.start, ...agent.stop, ...agent.end].map(({ argv }) => argv.join(' ')),
      [
        'launchctl bootout gui/501/io.github.iam-tokend',
        'launchctl bootstrap gui/501 /Users/anna/Library/LaunchAgents/io.github.iam-tokend.plist',
        'launchctl kill SIGTERM gui/501/io.github.iam-tokend',
        'launchctl bootout gui/501/io.github.iam-tokend',
      ],
    );
  });
});
