import { readProcessUsage } from '../../../adapters/metrics/process-usage.ts';
import { renderMetrics } from '../../../adapters/metrics/render-metrics.ts';
import { createNodeIpcServer, type IpcServer } from '../../../adapters/node-ipc-server.ts';
import type { Config } from '../../../config/config.ts';
import type { DaemonParts, TcpServerState } from '../../../daemon/daemon.ts';
import type { SocketWatch } from '../../../daemon/instance/socket-watch.ts';
import type { HttpServer } from '../../../http/http-server.ts';
import type { RetryingHttpServer } from '../../../http/retry-listening.ts';
import { createPeerUidLookup } from '../../../http/peer-uid-lookup.ts';
import { createMetadataServer, createMetricsServer, createSocketServer } from '../../../http/servers.ts';
import type { ProcessContext } from '../../../platform/paths.ts';
import { omitUndefined } from '../../../shared/omit-undefined.ts';
import type { SocketPaths } from '../arguments.ts';
import type { ListenerParts } from './listener-parts.ts';
import { createCredentialServerIfEnabled } from './credential-socket.ts';
import { createSocketWatch } from './watched-sockets.ts';

/** Warnings to log before the daemon listens. */
export function findListenerWarnings(
  { http, metadata, systemd }: Config,
  socketPaths: SocketPaths,
  context: ProcessContext,
  credentialWarning: string | null,
): readonly string[] {
  const warnings: string[] = [];
  if (metadata.listen !== null && !metadata.allowAnyLocalUser && findOwnUid(context) === null)
    warnings.push('metadata.listen: on this system every local user can get your tokens from this address');
  if (http.socket && socketPaths.http === null) warnings.push('http.socket: not available on Windows');
  if (systemd.credentialSocket && credentialWarning !== null) warnings.push(credentialWarning);
  return warnings;
}

/** Creates the IPC socket and the servers that are enabled; keeps the sockets reachable. */
export function createListenerFactory(parts: ListenerParts): Pick<
  DaemonParts,
  'createListeners' | 'getMetadataState' | 'getMetricsState' | 'getProcessMetrics'
> & {
  readonly checkSockets: () => Promise<void>;
} {
  let ipcServer: IpcServer | null = null;
  let metadataServer: RetryingHttpServer | null = null;
  let metricsServer: RetryingHttpServer | null = null;
  let socketWatch: SocketWatch | null = null;
  return {
    createListeners: async (handleRequest) => {
      ipcServer = await createIpcServer(parts, handleRequest);
      metadataServer = await createMetadataServerIfEnabled(parts, handleRequest);
      metricsServer = await createMetricsServerIfEnabled(parts, handleRequest);
      const httpServer = await createSocketServerIfEnabled(parts, handleRequest);
      const credentialServer = createCredentialServerIfEnabled(parts, handleRequest);
      socketWatch = createSocketWatch(parts, ipcServer.socketListener, {
        http: httpServer?.socketListener,
        credential: credentialServer?.socketListener,
      });
      const listeners = [ipcServer, httpServer, credentialServer, metadataServer, metricsServer, socketWatch];
      return listeners.filter((listener) => listener !== null);
    },
    checkSockets: async () => socketWatch?.check(),
    getMetadataState: () => stateOf(metadataServer),
    getMetricsState: () => stateOf(metricsServer),
    getProcessMetrics: () => ({
      connections: ipcServer?.countConnections() ?? 0,
      accountIds: parts.config.metrics.accountIds,
      process: readProcessUsage(),
    }),
  };
}

function stateOf(server: RetryingHttpServer | null): TcpServerState {
  return { address: server?.address() ?? null, problem: server?.problem() ?? null };
}

type HandleRequest = Parameters<DaemonParts['createListeners']>[0];

function createIpcServer(
  { clock, log, context, guard, socketPaths, listenFd, group, memoryTrimming }: ListenerParts,
  handleRequest: HandleRequest,
): Promise<IpcServer> {
  const { countWork } = memoryTrimming;
  return createNodeIpcServer({
    listenOn: listenFd === null ? { path: socketPaths.ipc } : { fd: listenFd },
    platform: context.platform,
    clock,
    decideAccess: guard.decideAccess,
    ...omitUndefined({ group }),
    onMessage: (data, peer) => {
      countWork();
      handleRequest(data, peer);
    },
    onDisconnect: countWork,
    onError: (reason) => log.write('warn', `closed a connection: ${reason}`),
    onListenError: (reason) => log.write('warn', `cannot accept connections: ${reason}`),
  });
}

async function createMetadataServerIfEnabled(
  { clock, log, context, config, memoryTrimming }: ListenerParts,
  handleRequest: HandleRequest,
): Promise<RetryingHttpServer | null> {
  const { listen, allowAnyLocalUser } = config.metadata;
  if (listen === null) return null;
  const uid = findOwnUid(context);
  const allowedUser = allowAnyLocalUser || uid === null ? null : { uid, findUid: createPeerUidLookup() };
  const { countWork: onDisconnect } = memoryTrimming;
  return createMetadataServer({ handleRequest, clock, log, onDisconnect, listenOn: listen, allowedUser });
}

async function createMetricsServerIfEnabled(
  { clock, log, config, memoryTrimming }: ListenerParts,
  handleRequest: HandleRequest,
): Promise<RetryingHttpServer | null> {
  const { listen: listenOn } = config.metrics;
  const { countWork: onDisconnect } = memoryTrimming;
  return listenOn === null
    ? null
    : createMetricsServer({ handleRequest, clock, log, onDisconnect, listenOn, renderMetrics });
}

async function createSocketServerIfEnabled(
  { clock, log, guard, socketPaths, memoryTrimming }: ListenerParts,
  handleRequest: HandleRequest,
): Promise<HttpServer | null> {
  if (socketPaths.http === null) return null;
  const parts = { handleRequest, clock, log, renderMetrics, onDisconnect: memoryTrimming.countWork };
  return createSocketServer(parts, socketPaths.http, guard.decideAccess);
}

/** `null` if the uid of a TCP connection cannot be determined. */
function findOwnUid({ platform, uid }: ProcessContext): number | null {
  return platform === 'linux' ? uid : null;
}
