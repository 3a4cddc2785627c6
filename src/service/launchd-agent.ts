import { posix } from 'node:path';
import { escapeXml } from './escape-xml.ts';
import { quotePosixWord } from '../shared/shell-quoting.ts';
import { requirePlainText, type ServiceDefinition } from './service-definition.ts';

/** The label of the job, and the base name of its file. */
export const agentLabel = 'io.github.iam-tokend';

/** Written from launchctl(1) and launchd.plist(5); not run on macOS. */
export function defineLaunchdAgent(home: string, uid: number | null, logFolder: string): ServiceDefinition {
  const path = posix.join(home, 'Library/LaunchAgents', `${agentLabel}.plist`);
  const domain = `gui/${uid}`;
  const target = `${domain}/${agentLabel}`;
  const bootoutCommand = { argv: ['launchctl', 'bootout', target], mayFail: true } as const;
  return {
    manager: 'launchd',
    unit: agentLabel,
    files: [{ templatePath: `launchd/${agentLabel}.plist`, path }],
    fillTemplate: fillAgentTemplate,
    startCommands: [bootoutCommand, { argv: ['launchctl', 'bootstrap', domain, path] }],
    // KeepAlive does not restart a job that exits with 0.
    stopCommands: [{ argv: ['launchctl', 'kill', 'SIGTERM', target] }],
    disableCommands: [bootoutCommand],
    cleanupCommands: [],
    startTrigger: 'at login',
    logCommand: `tail ${quotePosixWord(posix.join(logFolder, 'iam-tokend.log'))}`,
  };
}

/** The property list with `argv` in place of the program in ProgramArguments, which env(1) and its options precede. */
function fillAgentTemplate(plist: string, argv: readonly string[]): string {
  requirePlainText(argv);
  const argumentElements = argv.map((argument) => `    <string>${escapeXml(argument)}</string>\n`).join('');
  return plist.replace(/^ *<string>iam-tokend<\/string>\n/m, () => argumentElements);
}
