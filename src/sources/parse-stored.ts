import * as v from 'valibot';
import { IamTokenError } from '../shared/errors.ts';
import type { Secret } from '../shared/secret.ts';

/**
 * Parses a credential that a kind stored as JSON.
 * @throws IamTokenError `login_required` if it does not match the schema
 */
export function parseStored<T extends v.GenericSchema>(schema: T, credential: Secret): v.InferOutput<T> {
  try {
    return v.parse(schema, JSON.parse(credential.expose()));
  } catch {
    // Without `cause`: its message could quote the credential.
    throw new IamTokenError({
      code: 'login_required',
      message: 'the stored credential has a format that this release of iam-tokend cannot read',
      hint: { command: 'login' },
    });
  }
}
