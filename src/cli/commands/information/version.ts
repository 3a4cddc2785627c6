import { version as installedVersion } from '../../../shared/version.ts';
import type { CommandDefinition } from '../../command.ts';
import { print } from '../../terminal/terminal.ts';

export const version: CommandDefinition = {
  name: 'version',
  summary: 'print the version of this client',
  examples: ['iam-token version'],
  run: async () => print(`iam-token ${installedVersion}`),
};
