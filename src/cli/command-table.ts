import type { CommandDefinition, CommandGroup } from './command.ts';
import { doctor } from './commands/daily/doctor.ts';
import { lock } from './commands/daily/lock.ts';
import { logout } from './commands/daily/logout.ts';
import { profiles } from './commands/daily/profiles.ts';
import { prompt } from './commands/daily/prompt.ts';
import { refresh } from './commands/daily/refresh.ts';
import { rotateKey } from './commands/daily/rotate-key.ts';
import { status } from './commands/daily/status.ts';
import { stop } from './commands/daily/stop.ts';
import { token } from './commands/daily/token.ts';
import { unlock } from './commands/daily/unlock.ts';
import { use } from './commands/daily/use.ts';
import { awsCredentialProcess } from './commands/programs/aws-credential-process.ts';
import { completion } from './commands/programs/completion.ts';
import { createToken } from './commands/programs/create-token.ts';
import { dockerCredential } from './commands/programs/docker-credential.ts';
import { env } from './commands/programs/env.ts';
import { exec } from './commands/programs/exec.ts';
import { kubernetesCredential } from './commands/programs/kubernetes-credential.ts';
import { yc } from './commands/programs/yc.ts';
import { createHelpCommand } from './commands/information/help.ts';
import { version } from './commands/information/version.ts';
import { install } from './commands/setup/install.ts';
import { login } from './commands/setup/login.ts';
import { uninstall } from './commands/setup/uninstall.ts';
import { formatHelp } from './parsing/help.ts';

/** The command without a name. */
export const defaultCommand: CommandDefinition = token;

const help = createHelpCommand((name) => formatHelp(findNamedCommand(name) ?? defaultCommand, commandGroups));

/** All commands with a name, in the order of `iam-token --help`. */
export const commandGroups: readonly CommandGroup[] = [
  { title: 'Set up', commands: [install, login, uninstall] },
  {
    title: 'Every day',
    commands: [status, profiles, use, refresh, rotateKey, logout, lock, unlock, stop, doctor],
  },
  {
    title: 'For other programs',
    commands: [
      exec,
      env,
      createToken,
      dockerCredential,
      kubernetesCredential,
      awsCredentialProcess,
      yc,
      completion,
      prompt,
    ],
  },
  { title: 'Information', commands: [help, version] },
];

export const namedCommands: readonly CommandDefinition[] = commandGroups.flatMap(({ commands }) => commands);
export const allCommands: readonly CommandDefinition[] = [defaultCommand, ...namedCommands];

export function findNamedCommand(word: string | undefined): CommandDefinition | undefined {
  return namedCommands.find(({ name }) => name === word);
}
