import * as v from 'valibot';
import { ProblemError } from '../shared/errors.ts';
import type { Secret } from '../shared/secret.ts';

/**
 * What a kind kept as JSON, read back.
 * @throws ProblemError `login_required` for what it did not write
 */
export function kept<T extends v.GenericSchema>(schema: T, credential: Secret): v.InferOutput<T> {
  try {
    return v.parse(schema, JSON.parse(credential.expose()));
  } catch {
    // Its message could quote the credential, so it is no cause either.
    throw new ProblemError({
      code: 'login_required',
      message: 'the stored credential is not one that this release of iam-tokend reads',
      hint: 'iam-token login',
    });
  }
}
