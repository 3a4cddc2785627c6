import { IamTokenError } from '../../../shared/errors.ts';
import { shimRecursionEnv, programCandidates } from '../../../platform/program-candidates.ts';
import { isExternalProgram } from '../../../platform/process-context.ts';
import { type CommandContext, type CommandDefinition, profileParamsOf, withDaemon } from '../../command.ts';
import { profileOption } from '../../parsing/options.ts';
import { createToken } from './create-token.ts';
import { kubernetesCredential } from './kubernetes-credential.ts';
import { usageError } from '../../cli-errors.ts';
import { findInheritedDescriptors } from './inherited-descriptors.ts';
import { runInForeground } from './run-in-foreground.ts';
import { validResourceIdOf } from './token-environment.ts';
import { parseYcArguments, type YcArguments } from './yc-arguments.ts';
import { fetchStatus } from '../../fetch-status.ts';
import { formatHintText } from '../../socket-line.ts';
import { print, printError, printWarning } from '../../terminal/terminal.ts';
import { requestTokenFor } from '../../token-request.ts';

/** Commands of yc that need no token; `init` and `config` are its own login. */
const tokenlessCommands: readonly (string | undefined)[] = [
  undefined,
  'init',
  'config',
  'version',
  'components',
  'completion',
  'help',
];

/** @returns `passthrough` to run the real yc instead */
type YcHandler = (context: CommandContext) => Promise<number | void | 'passthrough'>;

const ycHandlers: ReadonlyMap<string, YcHandler> = new Map(
  Object.entries({
    'iam create-token': createToken.run,
    'k8s create-token': kubernetesCredential.run,
    'managed-kubernetes create-token': kubernetesCredential.run,
    'config get cloud-id': (context) => printScopeId(context, 'cloudId'),
    'config get folder-id': (context) => printScopeId(context, 'folderId'),
  }),
);

export const yc: CommandDefinition = {
  name: 'yc',
  summary: 'run the real yc with this token',
  description:
    'iam-token answers `yc iam create-token`, `yc k8s create-token` and `yc config get cloud-id|folder-id` itself.',
  operand: { kind: 'arguments', placeholder: 'ARGS …' },
  options: { profile: profileOption },
  examples: ['iam-token yc compute instance list', 'iam-token yc iam create-token'],
  run: runYc,
};

/**
 * Replaces yc: handles its token commands, and runs the real yc with a token for all others. A `--profile` that exists
 * only in yc is passed to yc unchanged.
 */
async function runYc(context: CommandContext): Promise<number | void> {
  const { env, platform } = context.processContext;
  const descriptors = findInheritedDescriptors(platform);
  if (env[shimRecursionEnv] !== undefined) {
    throw usageError(
      `${env[shimRecursionEnv]} is not the real yc: it runs iam-token again`,
      'put the folder of the real yc before it in PATH',
    );
  }
  const { positionals, knownFlags, hasOnlyKnownFlags, hasTokenFlag } = parseYcArguments(
    context.passthroughArgs,
  );
  const ycContext: CommandContext = { ...context, options: new Map([...context.options, ...knownFlags]) };
  const handler = hasOnlyKnownFlags ? ycHandlers.get(positionals.join(' ')) : undefined;
  const realYcPath = programCandidates('yc', context.processContext).find(isExternalProgram);
  try {
    const outcome = handler === undefined ? 'passthrough' : await handler(ycContext);
    if (outcome !== 'passthrough') return outcome;
  } catch (error) {
    if (realYcPath === undefined || !isUnknownProfile(error, knownFlags)) throw error;
  }
  if (realYcPath === undefined) {
    printError('the real yc is not installed', 'https://yandex.cloud/en/docs/cli/quickstart');
    return 127;
  }
  const token =
    hasTokenFlag || tokenlessCommands.includes(positionals[0])
      ? {}
      : await fetchTokenVariable(ycContext, knownFlags);
  const ycEnv = { ...env, ...token, [shimRecursionEnv]: realYcPath };
  return runInForeground([realYcPath, ...context.passthroughArgs], ycEnv, descriptors);
}

/** Prints the cloud or folder of the profile if it has one. */
async function printScopeId(
  context: CommandContext,
  key: 'cloudId' | 'folderId',
): Promise<'passthrough' | void> {
  const params = profileParamsOf(context);
  const { profiles } = await withDaemon(context, (connection, deadline) =>
    fetchStatus(connection, params.profile, deadline),
  );
  const id = validResourceIdOf(
    profiles.find(({ isDefault }) => isDefault || params.profile !== undefined)?.[key],
  );
  if (id === undefined) return 'passthrough';
  print(id);
}

/** Empty without a token: yc then uses its own login. */
async function fetchTokenVariable(
  context: CommandContext,
  knownFlags: YcArguments['knownFlags'],
): Promise<{ YC_IAM_TOKEN?: string }> {
  try {
    return { YC_IAM_TOKEN: (await requestTokenFor(context)).token };
  } catch (error) {
    if (!(error instanceof IamTokenError)) throw error;
    if (!isUnknownProfile(error, knownFlags))
      printWarning(
        `${error.message}; yc continues with its own login`,
        formatHintText(error.unrenderedHint, context),
      );
    return {};
  }
}

/** Whether the `--profile` among yc's flags does not exist here: it may be one of yc's own. */
function isUnknownProfile(error: unknown, knownFlags: YcArguments['knownFlags']): boolean {
  return knownFlags.has('profile') && error instanceof IamTokenError && error.code === 'unknown_profile';
}
