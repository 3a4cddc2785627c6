/** The order in which the daemon starts and stops. `src/bin/iam-tokend.ts` builds its parts. */
import type { CredentialStore, StoreState } from '../stores/credential-store.ts';
import type { DaemonStatus, Protection } from '../protocol/method-types.ts';
import type { Peer } from '../protocol/peer.ts';
import type { ServiceNotifier } from '../service/service-notifier.ts';
import { formatIsoTime, sleep } from '../shared/clock.ts';
import { type Problem, problemOf, renderProblem } from '../shared/errors.ts';
import type { Log } from '../shared/log.ts';
import type { Hooks } from './hooks/hooks.ts';
import { RequestHandler, type RequestHandlerParts } from './requests/request-handler.ts';

/** A stop waits at most this long for the listeners, the store and the log. */
const shutdownTimeoutMs = 900;
/** After this the daemon counts as started even if the store is still being read. */
const readyTimeoutMs = 10_000;

export interface Listener {
  listen(): Promise<void>;
  close(): Promise<void>;
}

export interface DaemonParts extends Omit<
  RequestHandlerParts,
  'getDaemonStatus' | 'getRecentDaemonStatus' | 'stopDaemon'
> {
  readonly log: Log & { close(): Promise<void> };
  readonly store: Pick<CredentialStore, 'kind' | 'close'>;
  readonly supervision: ServiceNotifier;
  readonly hooks: Pick<Hooks, 'isWorking' | 'stop'>;
  /** Names of variables of its environment that it does not accept. */
  readonly unsafeEnvironment: readonly string[];
  /** Called before a secret is in memory. */
  readonly protectProcess: () => Protection;
  readonly createListeners: (onMessage: (data: unknown, peer: Peer) => void) => Promise<readonly Listener[]>;
  readonly getMetadataState: () => TcpServerState;
  readonly getMetricsState: () => TcpServerState;
}

/** Both are `null` if the server is off. */
export interface TcpServerState {
  readonly address: string | null;
  readonly problem: Problem | null;
}

export interface Daemon {
  /** Accepts no more peers, answers pending requests, closes the store and the log. */
  stop(): Promise<void>;
  /** Resolves when the daemon has stopped, by `stop` or by a request. */
  readonly stopped: Promise<void>;
}

/** Listens, then reads the store; requests wait for the store. Notifies the service manager when both are done. */
export async function startDaemon(parts: DaemonParts): Promise<Daemon> {
  const { clock, log, profiles, store, supervision, version } = parts;
  const startedAt = formatIsoTime(clock.now().wallMs);
  const stopController = new AbortController();
  let protection: Protection | undefined;
  const protectProcess = (): Protection => (protection ??= parts.protectProcess());

  const buildStatus = (storeState: StoreState): DaemonStatus =>
    buildDaemonStatus(parts, startedAt, protectProcess(), storeState);

  const handler = new RequestHandler({
    ...parts,
    getDaemonStatus: async () => buildStatus(await profiles.getStoreState()),
    getRecentDaemonStatus: () => {
      const { recentStoreState } = profiles;
      return recentStoreState === null ? null : buildStatus(recentStoreState);
    },
    stopDaemon: () => stopController.abort(),
  });
  const listeners = await parts.createListeners(handler.handle);
  const stopped = new Promise<void>((resolve) => {
    stopController.signal.addEventListener('abort', () => resolve(shutDown(parts, handler, listeners)));
  });
  for (const listener of listeners) await listener.listen();
  log.write('info', 'listening', { version, pid: process.pid, store: store.kind });
  const loading = profiles.load().catch((error: unknown) => {
    log.write('error', `cannot load the profiles: ${problemOf(error).message}`);
  });
  // Now, while the keychain helper starts: it delays no request, and no secret arrives in this turn of the event loop.
  protectProcess();
  void Promise.race([loading, sleep(clock, readyTimeoutMs)]).then(() => {
    if (!stopController.signal.aborted) supervision.notifyReady();
  });

  return {
    stop: () => {
      stopController.abort();
      return stopped;
    },
    stopped,
  };
}

async function shutDown(
  parts: DaemonParts,
  handler: RequestHandler,
  listeners: readonly Listener[],
): Promise<void> {
  const { clock, hooks, log, profiles, store, supervision } = parts;
  log.write('info', 'stopping');
  hooks.stop();
  supervision.notifyStopping();
  const tokenWrites = profiles.stop();
  handler.stop();
  const drain = async (): Promise<void> => {
    await Promise.all([...listeners.map((listener) => listener.close()), tokenWrites]);
    await store.close();
    await log.close();
  };
  await Promise.race([sleep(clock, shutdownTimeoutMs), drain()]);
}

function buildDaemonStatus(
  {
    version,
    store,
    profiles,
    supervision,
    unsafeEnvironment,
    getMetadataState,
    getMetricsState,
    getContainerAccess,
  }: DaemonParts,
  startedAt: string,
  protection: Protection,
  storeState: StoreState,
): DaemonStatus {
  const problem = storeState.kind === 'closed' ? storeState.problem : null;
  const passphrase = storeState.kind === 'closed' ? storeState.passphrase : undefined;
  const confirmation = storeState.kind === 'open' ? storeState.confirmation : undefined;
  const leftovers = profiles.describeLeftovers();
  const metadata = getMetadataState();
  const metrics = getMetricsState();
  return {
    version,
    pid: process.pid,
    startedAt,
    manager: supervision.manager,
    locked: profiles.isLocked,
    ...(metadata.address === null ? {} : { metadataAddress: metadata.address }),
    ...(metadata.problem === null ? {} : { metadataProblem: renderProblem(metadata.problem) }),
    ...(metrics.address === null ? {} : { metricsAddress: metrics.address }),
    ...(metrics.problem === null ? {} : { metricsProblem: renderProblem(metrics.problem) }),
    protection,
    containers: getContainerAccess(),
    unsafeEnvironment: [...unsafeEnvironment],
    store: {
      kind: store.kind,
      ...(passphrase === undefined ? {} : { passphrase }),
      state: storeState.kind,
      problem: problem === null ? null : renderProblem(problem, profiles.getHintProfile()),
      ...(confirmation === undefined ? {} : { confirmation: renderProblem(confirmation) }),
      ...(leftovers === null ? {} : { leftovers: renderProblem(leftovers) }),
    },
  };
}
