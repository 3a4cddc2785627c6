import { win32 } from 'node:path';
import { inXml } from './in-xml.ts';
import type { Service } from './service.ts';

/**
 * A task of the Task Scheduler that starts with the session of one person. Not run on Windows: it follows the schema of
 * tasks (learn.microsoft.com, "Task Scheduler Schema", November 2026) and schtasks.
 * @param user its name in Windows, the domain in front: `PC\anna`
 */
export function windowsTask(user: string, stateFolder: string, logFolder: string): Service {
  const name = `iam-tokend-${win32.basename(user)}`;
  const path = win32.join(stateFolder, 'logon-task.xml');
  // What the task runs would be cut off in the middle of an answer: `iam-token` ends the daemon itself before.
  const end = { argv: ['schtasks', '/End', '/TN', name], mayFail: true } as const;
  return {
    manager: 'the Task Scheduler',
    unit: name,
    files: [{ path, encoding: 'utf16le' }],
    fill: (_, argv) => taskXml(user, argv),
    start: [
      end,
      { argv: ['schtasks', '/Create', '/TN', name, '/XML', path, '/F'] },
      { argv: ['schtasks', '/Run', '/TN', name] },
    ],
    stop: [end],
    end: [end, { argv: ['schtasks', '/Delete', '/TN', name, '/F'], mayFail: true }],
    forget: [],
    when: 'with each session',
    showLog: `Get-Content -Tail 20 '${win32.join(logFolder, 'iam-tokend.log')}'`,
  };
}

/**
 * The byte order mark in front is what schtasks knows UTF-16 by. A program of the console would open a window, so that
 * the console's own host starts it without one. The credential store is open to InteractiveToken only. A time limit of
 * PT0S is none.
 */
function taskXml(user: string, argv: readonly string[]): string {
  const words = ['--headless', ...argv.map((word) => `"${word}"`)].join(' ');
  return `\ufeff<?xml version="1.0" encoding="UTF-16"?>
<Task version="1.2" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">
  <RegistrationInfo>
    <Description>iam-tokend: hands out Yandex Cloud IAM tokens to the programs of one person</Description>
  </RegistrationInfo>
  <Triggers>
    <LogonTrigger>
      <Enabled>true</Enabled>
      <UserId>${inXml(user)}</UserId>
    </LogonTrigger>
  </Triggers>
  <Principals>
    <Principal id="person">
      <UserId>${inXml(user)}</UserId>
      <LogonType>InteractiveToken</LogonType>
      <RunLevel>LeastPrivilege</RunLevel>
    </Principal>
  </Principals>
  <Settings>
    <MultipleInstancesPolicy>IgnoreNew</MultipleInstancesPolicy>
    <DisallowStartIfOnBatteries>false</DisallowStartIfOnBatteries>
    <StopIfGoingOnBatteries>false</StopIfGoingOnBatteries>
    <StartWhenAvailable>true</StartWhenAvailable>
    <AllowStartOnDemand>true</AllowStartOnDemand>
    <Hidden>true</Hidden>
    <ExecutionTimeLimit>PT0S</ExecutionTimeLimit>
    <RestartOnFailure>
      <Interval>PT1M</Interval>
      <Count>30</Count>
    </RestartOnFailure>
  </Settings>
  <Actions Context="person">
    <Exec>
      <Command>conhost.exe</Command>
      <Arguments>${inXml(words)}</Arguments>
    </Exec>
  </Actions>
</Task>
`;
}
