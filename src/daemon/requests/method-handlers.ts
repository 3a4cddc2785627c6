import { protocolVersion } from '../../protocol/envelope.ts';
import type {
  DaemonMetrics,
  DaemonStatus,
  Method,
  MethodParams,
  MethodResult,
} from '../../protocol/method-types.ts';
import type { Peer } from '../../protocol/peer.ts';
import type { Clock } from '../../shared/clock.ts';
import { IamTokenError, renderProblem, type WireProblem } from '../../shared/errors.ts';
import type { Log } from '../../shared/log.ts';
import { omitUndefined } from '../../shared/omit-undefined.ts';
import { Secret } from '../../shared/secret.ts';
import { currentProblem } from '../../token/selectors.ts';
import type { Hooks } from '../hooks/hooks.ts';
import { displayNameOf } from '../profiles/profile-status.ts';
import type { Profiles } from '../profiles/profiles.ts';
import type { PeerAuthentication } from './peer-authentication.ts';
import type { PendingResult } from './pending-requests.ts';
import { createNameSorter, listStatuses, listSummaries, type NameSorter } from './profile-rows.ts';
import type { Subscriptions } from './subscriptions.ts';
import { findLastUse, rotateKey } from './key-handlers.ts';
import { buildRefreshResult, createTokenHandlers } from './token-handlers.ts';

/** A keychain may prompt during a login. */
const loginTimeoutMs = 120_000;

export interface MethodHandlerParts {
  readonly clock: Clock;
  readonly log: Log;
  readonly version: string;
  readonly profiles: Profiles;
  readonly subscriptions: Subscriptions;
  readonly hooks: Pick<Hooks, 'isWorking'>;
  readonly getDaemonStatus: () => Promise<DaemonStatus>;
  /** `null` if it must be determined first. */
  readonly getRecentDaemonStatus: () => DaemonStatus | null;
  readonly getMetrics: () => DaemonMetrics;
  /** Set for a Windows pipe. Elsewhere the socket's rights decide who connects. */
  readonly peerAuthentication?: PeerAuthentication | undefined;
  readonly stopDaemon: () => void;
}

/** Any other result than a `PendingResult` is sent within the same tick. */
type MethodHandler<M extends Method> = (
  params: MethodParams<M>,
  peer: Peer,
) => MethodResult<M> | PendingResult<MethodResult<M>>;

export type MethodHandlers = { readonly [M in Method]: MethodHandler<M> };

/** What each method of the wire protocol does. */
export function createMethodHandlers(parts: MethodHandlerParts): MethodHandlers {
  const { clock, profiles, hooks } = parts;
  const sortNames = createNameSorter();
  return {
    ...createTokenHandlers(clock, profiles, hooks),
    hello: (params, peer) => hello(parts, params, peer),
    status: (params, peer) => status(parts, params, peer, sortNames),
    profiles: (params) => listSummaries(profiles, params, sortNames),
    subscribe: (params, peer) => subscribe(parts, params, peer),
    login: (params, peer) => {
      requireNoHostResources(params, peer);
      return (signal) => login(parts, params, signal);
    },
    rotateKey: (params) => () => rotateKey(profiles, params),
    logout: (params) => (signal) => logout(profiles, params, signal),
    rename:
      ({ profile, to }) =>
      async () => ({ profile: await profiles.editor.rename(profile, to) }),
    use: (params) => async () => ({ profile: await profiles.editor.use(params.profile) }),
    lock: () => () => lock(profiles),
    unlock: (params) => () => unlock(profiles, params),
    stop: () => stop(parts),
  };
}

function hello(
  { version, peerAuthentication }: MethodHandlerParts,
  params: MethodParams<'hello'>,
  peer: Peer,
): MethodResult<'hello'> {
  return { version, protocol: protocolVersion, ...peerAuthentication?.hello(peer, params) };
}

function status(
  { clock, profiles, getDaemonStatus, getRecentDaemonStatus, getMetrics }: MethodHandlerParts,
  params: MethodParams<'status'>,
  peer: Peer,
  sortNames: NameSorter,
): MethodResult<'status'> | PendingResult<MethodResult<'status'>> {
  const buildResult = (daemon: DaemonStatus): MethodResult<'status'> => ({
    daemon: {
      ...daemon,
      ...omitUndefined({ peerContainer: peer.findContainer?.() ?? undefined }),
      ...(params.metrics === true ? { metrics: getMetrics() } : {}),
    },
    ...listStatuses(profiles, params, clock, sortNames),
  });
  const recentStatus = getRecentDaemonStatus();
  return recentStatus === null ? async () => buildResult(await getDaemonStatus()) : buildResult(recentStatus);
}

function subscribe(
  { profiles, subscriptions }: MethodHandlerParts,
  { profile }: MethodParams<'subscribe'>,
  peer: Peer,
): MethodResult<'subscribe'> {
  if (profile !== undefined) profiles.get(profile);
  subscriptions.add(peer, profile ?? null);
  return {};
}

/**
 * A path, program or URL from a container would be used with the rights, the files and the network of the host; whatever
 * `peers.containers` is, because it means something else there.
 * @throws IamTokenError `forbidden`
 */
function requireNoHostResources({ endpoint, settings = {} }: MethodParams<'login'>, peer: Peer): void {
  const values = Object.entries(settings);
  const name = endpoint === undefined ? values.find(([, value]) => /[/\\]/.test(value))?.[0] : 'endpoint';
  if (name === undefined) return;
  const container = peer.findContainer?.() ?? null;
  if (container === null) return;
  throw new IamTokenError({
    code: 'forbidden',
    message: `login with ${name} is not allowed from a container (${container}): paths and URLs refer to the host`,
    hint: { text: 'run it on the host, such as', runner: 'flatpak-spawn --host', command: 'login' },
  });
}

async function login(
  { clock, profiles }: MethodHandlerParts,
  params: MethodParams<'login'>,
  closeSignal: AbortSignal,
): Promise<MethodResult<'login'>> {
  const signal = AbortSignal.any([closeSignal, clock.timeoutSignal(loginTimeoutMs)]);
  const { kind, replaceKey = false } = params;
  if (replaceKey) await profiles.keys.requireStore();
  const { monotonicMs } = clock.now();
  const { profile, inherited } =
    kind === undefined
      ? await profiles.editor.edit(params, signal)
      : await profiles.login({ ...params, kind }, signal);
  const { token } = profile.state;
  if (token !== null) {
    const displayName = displayNameOf(profiles.getEntry(profile.name), token);
    const lastUse = replaceKey ? await findLastUse(clock, profiles, profile, monotonicMs) : undefined;
    const details = {
      ...omitUndefined({ displayName, inherited: inherited ?? undefined, lastUse }),
      ...leftoversOf(profiles),
    };
    return { ...buildRefreshResult(profile, token), ...details };
  }
  if (kind === undefined) return { profile: profile.name, subject: null };
  const problem = currentProblem(profile.state, clock.now());
  throw new IamTokenError(problem ?? { code: 'internal', message: 'the login produced no token' });
}

async function logout(
  profiles: Profiles,
  params: MethodParams<'logout'>,
  signal: AbortSignal,
): Promise<MethodResult<'logout'>> {
  // During the revocation, another profile may become the default one, and this one may be renamed.
  const target = profiles.get(params.profile);
  const revocation = params.revoke === true ? await profiles.revoke(target.name, signal) : {};
  const profile = await profiles.logout(target.name);
  return { profile, ...revocation, ...leftoversOf(profiles) };
}

function leftoversOf(profiles: Profiles): { readonly leftovers?: WireProblem } {
  const leftovers = profiles.describeLeftovers();
  return leftovers === null ? {} : { leftovers: renderProblem(leftovers) };
}

async function lock(profiles: Profiles): Promise<MethodResult<'lock'>> {
  const { outcome, problem } = await profiles.lock();
  return { outcome, ...(problem === null ? {} : { warning: renderProblem(problem) }) };
}

async function unlock(
  profiles: Profiles,
  { passphrase }: MethodParams<'unlock'>,
): Promise<MethodResult<'unlock'>> {
  return { outcome: await profiles.unlock(passphrase === undefined ? null : new Secret(passphrase)) };
}

function stop({ log, stopDaemon }: MethodHandlerParts): MethodResult<'stop'> {
  log.write('info', 'stop requested');
  // After the result is sent: a daemon that stops closes its connections.
  queueMicrotask(stopDaemon);
  return {};
}
