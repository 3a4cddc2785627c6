import { posix } from 'node:path';
import { inXml } from './in-xml.ts';
import type { Service } from './service.ts';

/** Of our job, and the name of its file. */
export const agentLabel = 'io.github.iam-tokend';

/** Not run on macOS: it follows launchctl(1) and launchd.plist(5). */
export function launchdAgent(home: string, uid: number | null, logFolder: string): Service {
  const path = posix.join(home, 'Library/LaunchAgents', `${agentLabel}.plist`);
  const domain = `gui/${uid}`;
  const target = `${domain}/${agentLabel}`;
  const bootout = { argv: ['launchctl', 'bootout', target], mayFail: true } as const;
  return {
    manager: 'launchd',
    unit: agentLabel,
    files: [{ packaged: `launchd/${agentLabel}.plist`, path }],
    fill: fillAgent,
    start: [bootout, { argv: ['launchctl', 'bootstrap', domain, path] }],
    // A clean end is no reason for launchd to start it again.
    stop: [{ argv: ['launchctl', 'kill', 'SIGTERM', target] }],
    end: [bootout],
    forget: [],
    when: 'with each session',
    showLog: `tail '${posix.join(logFolder, 'iam-tokend.log')}'`,
  };
}

/** The agent, with `argv` as the command that it starts. */
function fillAgent(plist: string, argv: readonly string[]): string {
  const words = argv.map((word) => `    <string>${inXml(word)}</string>\n`).join('');
  return plist.replace(
    /(<key>ProgramArguments<\/key>\s*<array>\n)[^]*?(?= *<\/array>)/,
    (_, head: string) => head + words,
  );
}
