import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { readPropertyList as read } from '../support/property-list.ts';
import { root } from './source-tree.ts';

const path = join(root, 'launchd/io.github.iam-tokend.plist');
const agent = readFileSync(path, 'utf8');

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

const unknownKeys = (text: string): readonly string[] =>
  Object.keys(read(text).value).filter((key) => !allowedKeys.has(key));

describe('the launchd agent', () => {
  it('is a property list without a repeated or an unknown key', () => {
    assert.deepEqual(read(agent).repeated, []);
    assert.deepEqual(unknownKeys(agent), []);
  });

  it('starts the daemon in the foreground, and again after a crash only', () => {
    const { value } = read(agent);
    assert.equal(value['Label'], basename(path, '.plist'));
    assert.deepEqual(value['ProgramArguments'], ['/usr/bin/env', 'iam-tokend']);
    assert.deepEqual(value['KeepAlive'], { SuccessfulExit: false });
    assert.equal(value['ThrottleInterval'], 10);
    assert.equal(value['ProcessType'], 'Background');
    assert.equal(value['LimitLoadToSessionType'], 'Aqua');
  });

  it('keeps its files from others, and its memory from the disk', () => {
    const { value } = read(agent);
    assert.equal(value['Umask'], 0o077);
    assert.deepEqual(value['HardResourceLimits'], { Core: 0 });
  });
});

describe('the check of the launchd agent', () => {
  it('finds a key that launchd does not know', () => {
    assert.deepEqual(unknownKeys(agent.replace('>Umask<', '>UMask<')), ['UMask']);
  });

  it('finds a repeated key, also an inner one', () => {
    assert.deepEqual(read(agent.replace('>Umask<', '>Label<')).repeated, ['Label']);
    const twice = '<key>SuccessfulExit</key><false/><key>SuccessfulExit</key>';
    assert.deepEqual(read(agent.replace('<key>SuccessfulExit</key>', twice)).repeated, ['SuccessfulExit']);
  });

  it('finds what is no property list', () => {
    assert.throws(() => read(agent.replace('</plist>', '')), /ExpatError/);
    assert.throws(
      () => read(agent.replace('<integer>63</integer>', '<integer>077x</integer>')),
      /ValueError/,
    );
  });
});
