import * as crypto from 'node:crypto';
import { mkdirSync } from 'node:fs';
import * as fs from 'node:fs/promises';
import { dirname } from 'node:path';
import { makeKeyFile, readKey } from '../keychain/key-file.ts';
import { isProof, newNonce, proofOf } from '../protocol/challenge.ts';
import type { Params } from '../protocol/messages.ts';
import type { Peer } from '../protocol/peer.ts';
import { type Problem, ProblemError } from '../shared/errors.ts';

/** Which peers have proved that they can read the key of our pipe: `src/protocol/challenge.ts`. */
export interface PeerProofs {
  /** @throws ProblemError `bad_request` where the peer has not proved it */
  check(peer: Peer): void;
  /**
   * The one thing that an unknown peer may say.
   * @returns what the answer says beside the release
   * @throws ProblemError `bad_request` for a proof that nothing was asked for
   */
  hello(peer: Peer, params: Params<'hello'>): { readonly nonce?: string; readonly proof?: string };
}

const unproven: Problem = {
  code: 'bad_request',
  message: 'on a pipe, hello comes first, with a nonce and then with a proof: PROTOCOL.md says how',
};

/**
 * With the key in the file, which is made where there is none.
 * @throws ProblemError `keychain_unavailable` where that fails
 */
export async function peerProofs(keyPath: string, pipe: string): Promise<PeerProofs> {
  const disk = { fs, uid: null };
  mkdirSync(dirname(keyPath), { recursive: true });
  const key =
    (await readKey({ kind: 'key-file', path: keyPath }, disk)) ?? (await makeKeyFile(keyPath, disk));
  const nonces = new WeakMap<Peer, { readonly clientNonce: string; readonly daemonNonce: string }>();
  const proven = new WeakSet<Peer>();
  return {
    check: (peer) => {
      if (!proven.has(peer)) throw new ProblemError(unproven);
    },
    hello: (peer, { nonce, proof }) => {
      if (proof !== undefined) {
        const asked = nonces.get(peer);
        // One try for each nonce.
        nonces.delete(peer);
        if (asked === undefined) throw new ProblemError(unproven);
        if (isProof(proof, 'client', { key, pipe, ...asked }, crypto)) proven.add(peer);
        else peer.close('a client that cannot read the key of the pipe');
      }
      if (nonce === undefined) return {};
      const given = { clientNonce: nonce, daemonNonce: newNonce(crypto) };
      nonces.set(peer, given);
      return { nonce: given.daemonNonce, proof: proofOf('daemon', { key, pipe, ...given }, crypto) };
    },
  };
}
