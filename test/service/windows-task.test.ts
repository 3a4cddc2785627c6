import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeWhole } from '../../src/cli/write-whole.ts';
import { windowsTask } from '../../src/service/windows-task.ts';
import { join } from 'node:path';
import { temporaryFolder } from '../support/temporary-folder.ts';

const local = String.raw`C:\Users\anna\AppData\Local\iam-tokend`;
const task = windowsTask(String.raw`PC & CO\anna`, local, String.raw`${local}\log`);
const argv = [
  String.raw`C:\Program Files\nodejs\node.exe`,
  String.raw`C:\Users\anna & <co>\iam-tokend.js`,
] as const;

/** The leaves by their paths; one that stands twice in a list of settings is an error. */
const reader = `
import json, sys, xml.etree.ElementTree as tree
leaves = {}
def walk(element, path):
    assert element.tag.startswith('{http://schemas.microsoft.com/windows/2004/02/mit/task}'), element.tag
    path = path + [element.tag.split('}')[1]]
    key = '/'.join(path[1:])
    if len(element) == 0:
        assert key not in leaves, key
        leaves[key] = element.text
    for child in element: walk(child, path)
walk(tree.parse(sys.argv[1]).getroot(), [])
print(json.dumps(leaves))
`;

describe('the logon task of Windows', () => {
  const folder = temporaryFolder();

  function read(text: string): Readonly<Record<string, string>> {
    const path = join(folder(), 'task.xml');
    writeWhole(path, text, 0o600, task.files[0]?.encoding);
    const { stdout, stderr } = spawnSync('python3', ['-c', reader, path], { encoding: 'utf8' });
    assert.equal(stderr, '');
    return JSON.parse(stdout) as Readonly<Record<string, string>>;
  }

  it('reads back from its file, in UTF-16, as it was meant', () => {
    const { 'RegistrationInfo/Description': _, ...settings } = read(task.fill('', argv));
    assert.deepEqual(settings, {
      'Triggers/LogonTrigger/Enabled': 'true',
      'Triggers/LogonTrigger/UserId': String.raw`PC & CO\anna`,
      'Principals/Principal/UserId': String.raw`PC & CO\anna`,
      'Principals/Principal/LogonType': 'InteractiveToken',
      'Principals/Principal/RunLevel': 'LeastPrivilege',
      'Settings/MultipleInstancesPolicy': 'IgnoreNew',
      'Settings/DisallowStartIfOnBatteries': 'false',
      'Settings/StopIfGoingOnBatteries': 'false',
      'Settings/StartWhenAvailable': 'true',
      'Settings/AllowStartOnDemand': 'true',
      'Settings/Hidden': 'true',
      'Settings/ExecutionTimeLimit': 'PT0S',
      'Settings/RestartOnFailure/Interval': 'PT1M',
      'Settings/RestartOnFailure/Count': '30',
      'Actions/Exec/Command': 'conhost.exe',
      'Actions/Exec/Arguments': String.raw`--headless "C:\Program Files\nodejs\node.exe" "C:\Users\anna & <co>\iam-tokend.js"`,
    });
  });

  it('is made, started and taken away under a name of that person', () => {
    const words = (calls: typeof task.start): readonly string[] => calls.map(({ argv }) => argv.join(' '));
    assert.deepEqual(words(task.start), [
      'schtasks /End /TN iam-tokend-anna',
      String.raw`schtasks /Create /TN iam-tokend-anna /XML ${local}\logon-task.xml /F`,
      'schtasks /Run /TN iam-tokend-anna',
    ]);
    assert.deepEqual(words([...task.stop, ...task.end]), [
      'schtasks /End /TN iam-tokend-anna',
      'schtasks /End /TN iam-tokend-anna',
      'schtasks /Delete /TN iam-tokend-anna /F',
    ]);
    assert.ok([...task.stop, ...task.end].every(({ mayFail }) => mayFail));
  });
});
