import type { CommandContext, CommandDefinition } from '../../command.ts';
import { preferredMinTtlOption, profileOption, quietOption } from '../../parsing/options.ts';
import { findInheritedDescriptors } from './inherited-descriptors.ts';
import { runInForeground } from './run-in-foreground.ts';
import { fetchTokenEnvironment, metadataOnlyOption } from './token-environment.ts';

export const exec: CommandDefinition = {
  name: 'exec',
  summary: 'run a command with the token in its environment',
  description:
    'The environment contains YC_TOKEN, YC_IAM_TOKEN, IAM_TOKEN and, if the profile has them, YC_CLOUD_ID and YC_FOLDER_ID; and YC_METADATA_ADDR while the metadata address serves the profile.',
  operand: { kind: 'command', placeholder: '-- COMMAND …' },
  options: {
    profile: profileOption,
    'min-ttl': preferredMinTtlOption,
    'metadata-only': metadataOnlyOption,
    'no-user-output': quietOption,
  },
  examples: ['iam-token exec -- terraform plan', 'iam-token exec --min-ttl 4h -- terraform apply'],
  run: runExec,
};

/** @returns the exit code of the command */
async function runExec(context: CommandContext): Promise<number> {
  const descriptors = findInheritedDescriptors(context.processContext.platform);
  const variables = await fetchTokenEnvironment(context);
  const env = { ...context.processContext.env, ...variables };
  return runInForeground(context.passthroughArgs, env, descriptors);
}
