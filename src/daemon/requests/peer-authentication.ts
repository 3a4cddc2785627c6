import * as crypto from 'node:crypto';
import { systemFiles } from '../../files/file-system.ts';
import { createFolder, folderOf } from '../../files/folders.ts';
import { createKeyFile, readKey } from '../../stores/file/key-file.ts';
import { isValidProof, createNonce, computeProof } from '../../protocol/challenge.ts';
import type { MethodParams } from '../../protocol/method-types.ts';
import type { Peer } from '../../protocol/peer.ts';
import { type Problem, IamTokenError } from '../../shared/errors.ts';

/** The peers of a Windows pipe that have proved that they can read its key; see `src/protocol/challenge.ts`. */
export interface PeerAuthentication {
  /** @throws IamTokenError `bad_request` for a peer without a valid proof */
  requireAuthenticated(peer: Peer): void;
  /**
   * The only method that a peer may call before its proof.
   * @returns the daemon's part of the challenge
   * @throws IamTokenError `bad_request` for a proof without a challenge
   */
  hello(peer: Peer, params: MethodParams<'hello'>): { readonly nonce?: string; readonly proof?: string };
}

const proofRequired: Problem = {
  code: 'bad_request',
  message: 'a pipe requires hello with a nonce and then with a proof; see PROTOCOL.md',
};

/**
 * Reads the key, or creates it.
 * @throws IamTokenError `keychain_unavailable`
 */
export async function createPeerAuthentication(keyPath: string, pipe: string): Promise<PeerAuthentication> {
  const fsContext = systemFiles(null);
  await createFolder(folderOf({ path: keyPath, name: 'the pipe key' }), fsContext);
  const key =
    (await readKey({ kind: 'key-file', path: keyPath }, fsContext)) ??
    (await createKeyFile(keyPath, fsContext));
  const challenges = new WeakMap<Peer, { readonly clientNonce: string; readonly daemonNonce: string }>();
  const authenticatedPeers = new WeakSet<Peer>();
  return {
    requireAuthenticated: (peer) => {
      if (!authenticatedPeers.has(peer)) throw new IamTokenError(proofRequired);
    },
    hello: (peer, { nonce, proof }) => {
      if (proof !== undefined) {
        const pendingChallenge = challenges.get(peer);
        // One attempt for each nonce.
        challenges.delete(peer);
        if (pendingChallenge === undefined) throw new IamTokenError(proofRequired);
        if (isValidProof(proof, 'client', { key, pipe, ...pendingChallenge }, crypto))
          authenticatedPeers.add(peer);
        else peer.close('the client cannot read the key of the pipe');
      }
      if (nonce === undefined) return {};
      const challenge = { clientNonce: nonce, daemonNonce: createNonce(crypto) };
      challenges.set(peer, challenge);
      return {
        nonce: challenge.daemonNonce,
        proof: computeProof('daemon', { key, pipe, ...challenge }, crypto),
      };
    },
  };
}
