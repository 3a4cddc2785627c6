import * as methods from '../protocol/methods.ts';
import { profileParams } from '../client/request-token.ts';
import { type Command, withDaemon } from './command.ts';
import { print, waiting } from './terminal.ts';
import { jsonLine } from './visible.ts';

/** Answers the tools of AWS (docs.aws.amazon.com/sdkref/latest/guide/feature-process-credentials.html). */
export const awsCredentialProcess: Command = async (call) => {
  const params = profileParams(call.options.text('profile'), call.surroundings.env);
  const keys = await waiting(
    'keys of Object Storage',
    withDaemon(call, (connection, patience) => connection.ask(methods.awsCredentials, params, patience)),
  );
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
