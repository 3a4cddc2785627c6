import type { Socket } from 'node:net';
import { type CLibrary, loadCLibrary } from '../../adapters/c-library.ts';
import { admission } from '../../daemon/access.ts';
import type { Protection } from '../../protocol/messages.ts';
import type { Admission } from '../../protocol/peer.ts';

/** What keeps others out beside the rights of files: by the C library, where koffi is there to reach it. */
export class PeerGuard {
  readonly #platform: NodeJS.Platform;
  readonly #uid: number | null;
  readonly #isForSystem: boolean;
  #library: CLibrary | null | undefined;

  constructor(platform: NodeJS.Platform, uid: number | null, isForSystem: boolean) {
    this.#platform = platform;
    this.#uid = uid;
    this.#isForSystem = isForSystem;
  }

  /** Loaded when first needed, which costs 5 ms. */
  get library(): CLibrary | null {
    if (this.#library === undefined) this.#library = loadCLibrary(this.#platform);
    return this.#library;
  }

  /** To be called before a secret is in memory. */
  protect(): Protection {
    const memory = this.library?.hideMemory() === true ? 'closed' : 'not enforced';
    if (this.library === null) return { peers: 'not enforced', memory };
    return { peers: this.#isForSystem ? 'own uid, and guests' : 'own uid', memory };
  }

  /** Whatever the rights of the socket and its folder are. */
  admit(socket: Socket): Admission {
    if (this.library === null || this.#uid === null) return { isGuest: false };
    return admission(this.library.peerUid(socket), this.#uid, this.#isForSystem);
  }
}
