/** The order in which the daemon comes up and goes down. Its parts come in; `src/bin/iam-tokend.ts` builds them. */
import type { CredentialStore } from '../keychain/credential-store.ts';
import type { DaemonStatus, Protection } from '../protocol/messages.ts';
import type { Peer } from '../protocol/peer.ts';
import type { Supervision } from '../service/supervision.ts';
import { isoTime } from '../shared/clock.ts';
import { problemOf } from '../shared/errors.ts';
import type { Log } from '../shared/log.ts';
import { requestHandler, type RequestHandlerParts } from './request-handler.ts';

/** Longer than this nobody is waited for when the daemon ends. */
const stopAtMostMs = 900;
/** A store that takes longer to be read is no reason to be taken for one that cannot start. */
const readyAtMostMs = 10_000;

export interface Listener {
  listen(): Promise<void>;
  close(): Promise<void>;
}

export interface DaemonParts extends Omit<RequestHandlerParts, 'daemonStatus' | 'stop'> {
  readonly log: Log & { close(): Promise<void> };
  readonly store: Pick<CredentialStore, 'kind' | 'state' | 'close'>;
  readonly supervision: Supervision;
  /** Called before a secret is in memory. */
  readonly protect: () => Protection;
  readonly listeners: (onMessage: (data: unknown, peer: Peer) => void) => Promise<readonly Listener[]>;
  /** `null` while it is off. */
  readonly metadataAddress: () => string | null;
}

export interface Daemon {
  /** Ends it: no new peer, everybody who waits is answered, the store is closed, the log written. */
  stop(): Promise<void>;
  /** Resolves when it has ended, whoever ended it. */
  readonly stopped: Promise<void>;
}

/** Listens first, then reads the store: requests that come meanwhile wait for it. Ready is who has done both. */
export async function startDaemon(parts: DaemonParts): Promise<Daemon> {
  const { clock, log, profiles, store, supervision, version } = parts;
  const startedAt = isoTime(clock.now().wallMs);
  const stopping = new AbortController();
  const stopped = new Promise<void>((resolve) => {
    stopping.signal.addEventListener('abort', () => resolve(stopNow()));
  });

  const handler = requestHandler({ ...parts, daemonStatus, stop: () => stopping.abort() });
  const listeners = await parts.listeners((data, peer) => handler.handle(data, peer));
  for (const listener of listeners) await listener.listen();
  log.write('info', 'listening', { version, pid: process.pid, store: store.kind });
  const loaded = profiles.load().catch((error: unknown) => {
    log.write('error', `the profiles could not be loaded: ${problemOf(error).message}`);
  });
  // Now, while the keychain's helper starts: no secret comes in this turn of the loop, and the time costs nobody any.
  const protection = parts.protect();
  void Promise.race([loaded, after(readyAtMostMs)]).then(() => {
    if (!stopping.signal.aborted) supervision.ready();
  });

  async function stopNow(): Promise<void> {
    log.write('info', 'stopping');
    supervision.stopping();
    const kept = profiles.stop();
    handler.stop();
    await Promise.race([after(stopAtMostMs), goodbye(kept)]);
  }

  function after(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      clock.deadline(delayMs).addEventListener('abort', () => resolve());
    });
  }

  async function goodbye(kept: Promise<void>): Promise<void> {
    await Promise.all([...listeners.map((listener) => listener.close()), kept]);
    await store.close();
    await log.close();
  }

  async function daemonStatus(): Promise<DaemonStatus> {
    const { kind, ...rest } = await store.state();
    const metadataAddress = parts.metadataAddress();
    return {
      version,
      pid: process.pid,
      startedAt,
      manager: supervision.manager,
      locked: profiles.isLocked,
      ...(metadataAddress === null ? {} : { metadataAddress }),
      protection,
      store: { kind: store.kind, problem: null, ...rest, state: kind },
    };
  }

  return {
    stop: () => {
      stopping.abort();
      return stopped;
    },
    stopped,
  };
}
