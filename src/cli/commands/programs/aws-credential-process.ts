import { formatIsoSeconds } from '../../../shared/clock.ts';
import { callDaemon, type CommandContext, type CommandDefinition, profileParamsOf } from '../../command.ts';
import { profileOption } from '../../parsing/options.ts';
import { formatJsonLine } from '../../terminal/escape.ts';
import { print, withProgress } from '../../terminal/terminal.ts';
import * as methods from '../../../protocol/methods.ts';

export const awsCredentialProcess: CommandDefinition = {
  name: 'aws-credential-process',
  summary: 'provide AWS tools with Object Storage keys',
  description: 'AWS tools run it as credential_process. The keys are short-lived.',
  options: { profile: profileOption },
  examples: ["aws configure --profile yc set credential_process 'iam-token aws-credential-process'"],
  run: runAwsCredentialProcess,
};

/** A `credential_process` (docs.aws.amazon.com/sdkref/latest/guide/feature-process-credentials.html). */
async function runAwsCredentialProcess(context: CommandContext): Promise<void> {
  const keys = await withProgress(
    'keys for Object Storage',
    callDaemon(context, methods.awsCredentials, profileParamsOf(context)),
  );
  print(
    formatJsonLine({
      Version: 1,
      AccessKeyId: keys.accessKeyId,
      SecretAccessKey: keys.secretAccessKey,
      SessionToken: keys.sessionToken,
      // AWS tools compare it with the local clock.
      Expiration: formatIsoSeconds(Date.parse(keys.expiresAt) - (keys.clockOffsetMs ?? 0)),
    }),
  );
}
