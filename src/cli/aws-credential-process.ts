import * as methods from '../protocol/methods.ts';
import { ask, type Command, profileOf } from './command.ts';
import { print, waiting } from './terminal.ts';
import { jsonLine } from './visible.ts';

/** Answers the tools of AWS (docs.aws.amazon.com/sdkref/latest/guide/feature-process-credentials.html). */
export const awsCredentialProcess: Command = async (call) => {
  const keys = await waiting('keys of Object Storage', ask(call, methods.awsCredentials, profileOf(call)));
  print(
    jsonLine({
      Version: 1,
      AccessKeyId: keys.accessKeyId,
      SecretAccessKey: keys.secretAccessKey,
      SessionToken: keys.sessionToken,
      Expiration: keys.expiresAt,
    }),
  );
};
