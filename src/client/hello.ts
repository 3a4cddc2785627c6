import { readFileSync } from 'node:fs';
import { pipeKeyPath, type Surroundings } from '../platform/places.ts';
import { type Challenge, challengePattern, isProof, newNonce, proofOf } from '../protocol/challenge.ts';
import { hello } from '../protocol/token-method.ts';
import type { Connection } from './connection.ts';
import { IamTokenError } from './iam-token-error.ts';
import type { Patience } from './patience.ts';

/**
 * Nothing else is to be asked of a Windows pipe before this: only then it is known to be our daemon's, and the daemon
 * answers.
 * @throws IamTokenError `unreachable` where what listens does not know the key; the reason of the caller's signal when
 *   that aborts
 */
export async function proveEachOther(
  connection: Connection,
  pipe: string,
  surroundings: Surroundings,
  patience: Patience,
): Promise<void> {
  const crypto = process.getBuiltinModule('node:crypto');
  const keyPath = pipeKeyPath(surroundings);
  let challenge: Challenge;
  try {
    const clientNonce = newNonce(crypto);
    const { nonce = '', proof = '' } = await connection.ask(hello, { nonce: clientNonce }, patience);
    challenge = { key: readFileSync(keyPath), pipe, clientNonce, daemonNonce: nonce };
    if (!challengePattern.test(nonce) || !isProof(proof, 'daemon', challenge, crypto)) {
      throw new Error('its proof is wrong');
    }
  } catch (cause) {
    connection.close();
    patience.signal?.throwIfAborted();
    // Whatever it said is not shown: the words may be those of somebody who waits for a secret.
    throw new IamTokenError(
      'unreachable',
      `what listens at ${pipe} has not proved that it can read ${keyPath}, as your daemon could`,
      {
        hint: 'another user may have taken the name: see which program has the pipe, end it, start iam-tokend',
        cause,
      },
    );
  }
  await connection.ask(hello, { proof: proofOf('client', challenge, crypto) }, patience);
}
