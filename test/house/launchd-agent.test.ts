import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
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

/** plistlib lets a repeated key pass; the last one wins. */
const reader = `
import json, plistlib, sys, xml.etree.ElementTree as tree
text = sys.stdin.buffer.read()
value = plistlib.loads(text, fmt=plistlib.FMT_XML)
repeated = [key for each in tree.fromstring(text).iter('dict')
            for keys in [[child.text for child in each if child.tag == 'key']]
            for key in set(keys) if keys.count(key) > 1]
print(json.dumps({'value': value, 'repeated': repeated}))
`;

function read(text: string): {
  readonly value: Readonly<Record<string, unknown>>;
  readonly repeated: readonly string[];
} {
  const { status, stdout, stderr, error } = spawnSync('python3', ['-c', reader], {
    input: text,
    encoding: 'utf8',
  });
  assert.equal(error, undefined, 'python3 is there');
  if (status !== 0) throw new Error(stderr);
  return JSON.parse(stdout) as ReturnType<typeof read>;
}

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
