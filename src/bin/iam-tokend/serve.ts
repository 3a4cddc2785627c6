import { type Daemon, type DaemonParts, startDaemon } from '../../daemon/daemon.ts';
import { createPeerAuthentication } from '../../daemon/requests/peer-authentication.ts';
import { pipeKeyPath } from '../../platform/paths.ts';
import {
  createSdNotifyCommand,
  createServiceNotifier,
  type SdNotify,
  type ServiceEnvironment,
} from '../../service/service-notifier.ts';
import { version } from '../../shared/version.ts';
import type { ListenerParts } from './listeners/listener-parts.ts';
import { createListenerFactory } from './listeners/listeners.ts';

export interface ServeParts
  extends
    Omit<ListenerParts, 'log' | 'listenFd' | 'credentialFd'>,
    Pick<
      DaemonParts,
      | 'log'
      | 'store'
      | 'profiles'
      | 'subscriptions'
      | 'hooks'
      | 'protectProcess'
      | 'getContainerAccess'
      | 'unsafeEnvironment'
    > {
  readonly serviceEnvironment: ServiceEnvironment;
}

export interface ServedDaemon extends Daemon {
  /** Listens again at once where a path no longer leads to the daemon. */
  readonly checkSockets: () => Promise<void>;
}

/** Listens, then loads the credentials. */
export async function serve(parts: ServeParts): Promise<ServedDaemon> {
  const { clock, log, store, profiles, subscriptions, hooks, context, serviceEnvironment } = parts;
  const { listenFd, credentialFd } = serviceEnvironment;
  const { checkSockets, ...listenerFactory } = createListenerFactory({ ...parts, listenFd, credentialFd });
  const daemon = await startDaemon({
    clock,
    log,
    version,
    store,
    profiles,
    subscriptions,
    hooks,
    peerAuthentication:
      context.platform === 'win32'
        ? await createPeerAuthentication(pipeKeyPath(context), parts.socketPaths.ipc)
        : undefined,
    supervision: createServiceNotifier(clock, serviceEnvironment, createNotify(parts)),
    unsafeEnvironment: parts.unsafeEnvironment,
    protectProcess: parts.protectProcess,
    getContainerAccess: parts.getContainerAccess,
    ...listenerFactory,
  });
  return { ...daemon, checkSockets };
}

function createNotify({ log, context, guard, serviceEnvironment }: ServeParts): SdNotify | null {
  const { notifySocket } = serviceEnvironment;
  if (notifySocket === null) return null;
  const onError = (reason: string): void => log.write('warn', reason);
  return (
    guard.cLibrary?.createSdNotify(notifySocket, onError) ??
    createSdNotifyCommand(notifySocket, context.env['PATH'], onError)
  );
}
