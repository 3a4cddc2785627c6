import { readFileSync } from 'node:fs';
import { pipeKeyPath, type ProcessContext } from '../platform/paths.ts';
import * as methods from '../protocol/methods.ts';
import {
  type Challenge,
  challengePattern,
  computeProof,
  createNonce,
  isValidProof,
} from '../protocol/challenge.ts';
import { IamTokenError } from '../shared/errors.ts';
import type { Connection } from './connection.ts';
import type { Deadline } from './deadline.ts';

/**
 * The first calls on a Windows pipe: they prove that the daemon is this user's, and prove the same of the client.
 * Closes the connection on failure.
 * @throws IamTokenError `unreachable` if the other side does not know the key; the reason of the deadline's signal when
 *   that aborts
 */
export async function authenticatePipe(
  connection: Connection,
  pipe: string,
  context: ProcessContext,
  deadline: Deadline,
): Promise<void> {
  const crypto = process.getBuiltinModule('node:crypto');
  const keyPath = pipeKeyPath(context);
  let challenge: Challenge;
  try {
    const clientNonce = createNonce(crypto);
    const { nonce = '', proof = '' } = await connection.call(methods.hello, { nonce: clientNonce }, deadline);
    challenge = { key: readFileSync(keyPath), pipe, clientNonce, daemonNonce: nonce };
    if (!challengePattern.test(nonce) || !isValidProof(proof, 'daemon', challenge, crypto)) {
      throw new Error('invalid proof');
    }
  } catch (cause) {
    connection.close();
    deadline.signal?.throwIfAborted();
    // Without the other side's own message: it may come from another user's program that phishes for a secret.
    throw new IamTokenError(
      {
        code: 'unreachable',
        message: `the program at ${pipe} could not prove that it can read ${keyPath}, so it is not your daemon`,
        hint: 'another user may have taken the name of the pipe: find and end that program, then start iam-tokend',
      },
      { cause },
    );
  }
  try {
    await connection.call(methods.hello, { proof: computeProof('client', challenge, crypto) }, deadline);
  } catch (error) {
    connection.close();
    throw error;
  }
}
