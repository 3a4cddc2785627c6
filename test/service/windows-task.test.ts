import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { defineWindowsTask } from '../../src/service/windows-task.ts';
import { join } from 'node:path';
import { useTemporaryFolder } from '../support/temporary-folder.ts';

const stateFolder = String.raw`C:\Users\anna\AppData\Local\iam-tokend`;
const task = defineWindowsTask(String.raw`PC & CO\anna`, stateFolder, String.raw`${stateFolder}\log`);
const argv = [
  String.raw`C:\Program Files\nodejs\node.exe`,
  String.raw`C:\Users\anna & <co>\iam-tokend.js`,
] as const;

/** Prints the leaves by their paths; a repeated setting is an error. */
const xmlReaderScript = `
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
import { refusedPaths } from './refused-paths.ts';

describe('defineWindowsTask', () => {
  const folder = useTemporaryFolder();

  function read(text: string): Readonly<Record<string, string>> {
    const path = join(folder(), 'task.xml');
    writeFileSync(path, Buffer.from(text, task.files[0]?.encoding));
    const { stdout, stderr } = spawnSync('python3', ['-c', xmlReaderScript, path], { encoding: 'utf8' });
    assert.equal(stderr, '');
    return JSON.parse(stdout) as Readonly<Record<string, string>>;
  }

  it('writes a file in UTF-16 that can be read back with the same settings', () => {
    const { 'RegistrationInfo/Description': _, ...settings } = read(task.fillTemplate('', argv));
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

  it('creates, runs and deletes a task that is named after the user', () => {
    const commandLines = (calls: typeof task.startCommands): readonly string[] =>
      calls.map(({ argv }) => argv.join(' '));
    assert.deepEqual(commandLines(task.startCommands), [
      'schtasks /End /TN iam-tokend-anna',
      String.raw`schtasks /Create /TN iam-tokend-anna /XML ${stateFolder}\logon-task.xml /F`,
      'schtasks /Run /TN iam-tokend-anna',
    ]);
    assert.deepEqual(commandLines([...task.stopCommands, ...task.disableCommands]), [
      'schtasks /End /TN iam-tokend-anna',
      'schtasks /End /TN iam-tokend-anna',
      'schtasks /Delete /TN iam-tokend-anna /F',
    ]);
    assert.ok([...task.stopCommands, ...task.disableCommands].every(({ mayFail }) => mayFail));
  });

  for (const path of refusedPaths) {
    it(`D7: refuses the path ${JSON.stringify(path)}`, () => {
      assert.throws(() => task.fillTemplate('', ['C:\\node.exe', path]), {
        code: 'bad_request',
        message: /contains a control character or bytes that are not UTF-8/,
      });
    });
  }

  for (const path of [String.raw`C:\%USERNAME%\x.js`, String.raw`C:\$(Arg0)\x.js`, 'C:\\a"b\\x.js']) {
    it(`D7: refuses the path ${path}, which the Task Scheduler would change`, () => {
      assert.throws(() => task.fillTemplate('', ['C:\\node.exe', path]), { code: 'bad_request' });
    });
  }

  it('D7: refuses a line break in the name of the user', () => {
    const otherTask = defineWindowsTask('PC\\an\nna', stateFolder, stateFolder);
    assert.throws(() => otherTask.fillTemplate('', argv), { code: 'bad_request' });
  });
});
