import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { unsafeVariables } from '../../../src/platform/unsafe-environment.ts';
import { readPropertyList as read } from '../../support/property-list.ts';
import { root } from '../source-tree.ts';

const agentPath = join(root, 'launchd/io.github.iam-tokend.plist');
const agentText = readFileSync(agentPath, 'utf8');

/** Keys of launchd.plist(5) that we mean to use; it ignores one that it does not know. */
const allowedKeys = new Set([
  'EnvironmentVariables',
  'HardResourceLimits',
  'KeepAlive',
  'Label',
  'LimitLoadToSessionType',
  'ProcessType',
  'ProgramArguments',
  'RunAtLoad',
  'ThrottleInterval',
  'Umask',
]);

const findUnknownKeys = (text: string): readonly string[] =>
  Object.keys(read(text).value).filter((key) => !allowedKeys.has(key));

describe('the launchd agent', () => {
  it('is a property list without repeated or unknown keys', () => {
    assert.deepEqual(read(agentText).repeated, []);
    assert.deepEqual(findUnknownKeys(agentText), []);
  });

  it('starts the daemon in the foreground, and restarts it after a crash only', () => {
    const { value } = read(agentText);
    assert.equal(value['Label'], basename(agentPath, '.plist'));
    const programArguments = value['ProgramArguments'] as readonly string[];
    assert.deepEqual([programArguments[0], programArguments.at(-1)], ['/usr/bin/env', 'iam-tokend']);
    assert.deepEqual(value['KeepAlive'], { SuccessfulExit: false });
    assert.equal(value['ThrottleInterval'], 10);
    assert.equal(value['ProcessType'], 'Background');
    assert.equal(value['LimitLoadToSessionType'], 'Aqua');
  });

  it('A1: unsets every variable that the daemon does not accept', () => {
    const programArguments = read(agentText).value['ProgramArguments'] as readonly string[];
    const names = unsafeVariables
      .filter(({ platform = 'darwin' }) => platform === 'darwin')
      .map(({ name }) => name);
    assert.deepEqual(
      programArguments.slice(1, -1),
      names.flatMap((name) => ['-u', name]),
    );
  });

  it('denies its files to other users, and its memory to the disk', () => {
    const { value } = read(agentText);
    assert.equal(value['Umask'], 0o077);
    assert.deepEqual(value['HardResourceLimits'], { Core: 0 });
  });
});

describe('the launchd agent check', () => {
  it('finds a key that launchd does not support', () => {
    assert.deepEqual(findUnknownKeys(agentText.replace('>Umask<', '>UMask<')), ['UMask']);
  });

  it('finds a repeated key, also an inner one', () => {
    assert.deepEqual(read(agentText.replace('>Umask<', '>Label<')).repeated, ['Label']);
    const withDuplicateKey = '<key>SuccessfulExit</key><false/><key>SuccessfulExit</key>';
    assert.deepEqual(read(agentText.replace('<key>SuccessfulExit</key>', withDuplicateKey)).repeated, [
      'SuccessfulExit',
    ]);
  });

  it('rejects a file that is not a property list', () => {
    assert.throws(() => read(agentText.replace('</plist>', '')), /ExpatError/);
    assert.throws(
      () => read(agentText.replace('<integer>63</integer>', '<integer>077x</integer>')),
      /ValueError/,
    );
  });
});
