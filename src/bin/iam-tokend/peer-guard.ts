import type { Socket } from 'node:net';
import { type CLibrary, loadCLibrary } from '../../adapters/c-library.ts';
import type { ContainerAccess, Protection } from '../../protocol/method-types.ts';
import type { AccessDecision } from '../../protocol/peer.ts';
import { ContainerDetection } from './container-detection.ts';

/** Access checks by the kernel, beyond the rights of files. They need koffi; without it all peers are accepted. */
export class PeerGuard {
  readonly #platform: NodeJS.Platform;
  readonly #uid: number | null;
  readonly #isSystemWide: boolean;
  #cLibrary: CLibrary | null | undefined;
  readonly #containerDetection: ContainerDetection | null;

  constructor(platform: NodeJS.Platform, uid: number | null, isSystemWide: boolean) {
    this.#platform = platform;
    this.#uid = uid;
    this.#isSystemWide = isSystemWide;
    this.#containerDetection = ContainerDetection.create(platform);
  }

  /** Loaded on first use: it takes 5 ms. */
  get cLibrary(): CLibrary | null {
    if (this.#cLibrary === undefined) this.#cLibrary = loadCLibrary(this.#platform);
    return this.#cLibrary;
  }

  /** Must be called before a secret is in memory. */
  protectProcess(): Protection {
    const memory = this.cLibrary?.protectMemory() === true ? 'closed' : 'not enforced';
    if (this.cLibrary === null) return { peers: 'not enforced', memory };
    return { peers: this.#isSystemWide ? 'own uid, and guests' : 'own uid', memory };
  }

  /** @param configured `peers.containers` of `config.yaml` */
  getContainerAccess(configured: 'tokens' | 'full'): ContainerAccess {
    return this.cLibrary === null || this.#containerDetection === null ? 'not enforced' : configured;
  }

  /** Checks the peer's uid, regardless of the rights of the socket and its folder. */
  readonly decideAccess = (socket: Socket): AccessDecision => {
    if (this.cLibrary === null || this.#uid === null) return { isOtherUser: false };
    const { pid, uid } = this.cLibrary.getPeerCredentials(socket) ?? { pid: 0, uid: null };
    const decision = decideAccess(uid, this.#uid, this.#isSystemWide);
    if ('rejectionReason' in decision || this.#containerDetection === null) return decision;
    return { ...decision, findContainer: this.#containerDetection.watch(socket, pid, this.cLibrary) };
  };
}

/**
 * Root has all rights: it can change to any uid anyway.
 * @param peerUid from the kernel; `null` if unknown
 * @param isSystemWide whether the daemon serves all users of the machine
 */
export function decideAccess(peerUid: number | null, ownUid: number, isSystemWide: boolean): AccessDecision {
  if (peerUid === ownUid || peerUid === 0) return { isOtherUser: false, uid: peerUid };
  if (isSystemWide && peerUid !== null) return { isOtherUser: true, uid: peerUid };
  return { rejectionReason: `the peer is another user (uid ${peerUid ?? 'unknown'})` };
}
