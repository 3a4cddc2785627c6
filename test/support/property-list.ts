import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';

/** plistlib accepts a repeated key and uses the last one, so repeated keys are reported separately. */
const plistlibScript = `
import json, plistlib, sys, xml.etree.ElementTree as tree
text = sys.stdin.buffer.read()
value = plistlib.loads(text, fmt=plistlib.FMT_XML)
repeated = [key for each in tree.fromstring(text).iter('dict')
            for keys in [[child.text for child in each if child.tag == 'key']]
            for key in set(keys) if keys.count(key) > 1]
print(json.dumps({'value': value, 'repeated': repeated}))
`;

export interface PropertyList {
  readonly value: Readonly<Record<string, unknown>>;
  /** Keys that are repeated in a dictionary. */
  readonly repeated: readonly string[];
}

/** Reads an XML property list with plistlib of python3. */
export function readPropertyList(text: string): PropertyList {
  const { status, stdout, stderr, error } = spawnSync('python3', ['-c', plistlibScript], {
    input: text,
    encoding: 'utf8',
  });
  assert.equal(error, undefined, 'python3 is installed');
  if (status !== 0) throw new Error(stderr);
  return JSON.parse(stdout) as PropertyList;
}
