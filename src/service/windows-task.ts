import { win32 } from 'node:path';
import { escapeXml } from './escape-xml.ts';
import { IamTokenError } from '../shared/errors.ts';
import { requirePlainText, type ServiceDefinition } from './service-definition.ts';

/**
 * A logon task of the Task Scheduler. Written from its schema (learn.microsoft.com, "Task Scheduler Schema", November
 * 2026) and the help of schtasks; not run on Windows.
 * @param user with its domain, such as `PC\anna`
 */
export function defineWindowsTask(user: string, stateFolder: string, logFolder: string): ServiceDefinition {
  const name = `iam-tokend-${win32.basename(user)}`;
  const path = win32.join(stateFolder, 'logon-task.xml');
  // It kills the daemon, so `iam-token` stops a running one first.
  const endCommand = { argv: ['schtasks', '/End', '/TN', name], mayFail: true } as const;
  return {
    manager: 'the Task Scheduler',
    unit: name,
    files: [{ path, encoding: 'utf16le' }],
    fillTemplate: (_, argv) => createTaskXml(user, argv),
    startCommands: [
      endCommand,
      { argv: ['schtasks', '/Create', '/TN', name, '/XML', path, '/F'] },
      { argv: ['schtasks', '/Run', '/TN', name] },
    ],
    stopCommands: [endCommand],
    disableCommands: [endCommand, { argv: ['schtasks', '/Delete', '/TN', name, '/F'], mayFail: true }],
    cleanupCommands: [],
    startTrigger: 'at login',
    logCommand: `Get-Content -Tail 20 '${win32.join(logFolder, 'iam-tokend.log').replaceAll("'", "''")}'`,
  };
}

/**
 * The Task Scheduler replaces `%NAME%` and `$(Arg0)` in arguments, and has no escape for them.
 * @throws IamTokenError `bad_request`
 */
function requireNoVariables(argv: readonly string[]): void {
  const invalidPath = argv.find((path) => /%.*%|\$\(|"/.test(path));
  if (invalidPath === undefined) return;
  throw new IamTokenError({
    code: 'bad_request',
    message: `the Task Scheduler cannot run ${invalidPath}: it contains %…%, $( or a quote`,
    hint: 'install iam-tokend and Node in folders with plain names',
  });
}

/**
 * schtasks requires the byte order mark. `conhost --headless` starts a console program without a window. Only
 * InteractiveToken can open Credential Manager. PT0S means no time limit.
 */
function createTaskXml(user: string, argv: readonly string[]): string {
  requirePlainText([user, ...argv]);
  requireNoVariables(argv);
  const quotedArguments = ['--headless', ...argv.map((argument) => `"${argument}"`)].join(' ');
  return `\ufeff<?xml version="1.0" encoding="UTF-16"?>
<Task version="1.2" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">
  <RegistrationInfo>
    <Description>iam-tokend: serves Yandex Cloud IAM tokens to the programs of one user</Description>
  </RegistrationInfo>
  <Triggers>
    <LogonTrigger>
      <Enabled>true</Enabled>
      <UserId>${escapeXml(user)}</UserId>
    </LogonTrigger>
  </Triggers>
  <Principals>
    <Principal id="user">
      <UserId>${escapeXml(user)}</UserId>
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
  <Actions Context="user">
    <Exec>
      <Command>conhost.exe</Command>
      <Arguments>${escapeXml(quotedArguments)}</Arguments>
    </Exec>
  </Actions>
</Task>
`;
}
