import { RequestHandler } from '../../../src/daemon/requests/request-handler.ts';
import { Subscriptions } from '../../../src/daemon/requests/subscriptions.ts';
import type { ContainerAccess, DaemonMetrics, DaemonStatus } from '../../../src/protocol/method-types.ts';
import { createFakePeer, type FakePeer } from './fake-peer.ts';
import {
  createProfilesFixture,
  type ProfilesFixture,
  type RunningProfiles,
  startProfiles,
} from './profiles-fixture.ts';

export const daemonStatus: DaemonStatus = {
  version: '0.1.0',
  pid: 1,
  startedAt: '2026-11-24T12:00:00.000Z',
  store: { kind: 'memory', state: 'open', problem: null },
};

export const processMetrics: Omit<DaemonMetrics, 'requests' | 'waitingRequests'> = {
  connections: 2,
  accountIds: false,
  process: { cpuSeconds: 1.5, residentBytes: 50_000_000, heapUsedBytes: 10_000_000 },
};

/** Of a daemon without servers over TCP. */
export const serverStates = {
  getMetadataState: () => ({ address: null, problem: null }),
  getMetricsState: () => ({ address: null, problem: null }),
  getProcessMetrics: () => processMetrics,
};

/** A request handler on top of a `ProfilesFixture`, and a peer that sends requests to it. */
export class RequestFixture {
  readonly base: ProfilesFixture;
  readonly peer = createFakePeer();
  running: RunningProfiles;
  handler: RequestHandler;
  getDaemonStatus = async (): Promise<DaemonStatus> => daemonStatus;
  containerAccess: ContainerAccess = 'tokens';
  hasHook = false;
  /** How often a request has stopped the daemon. */
  stopCount = 0;
  readonly #subscriptions: Subscriptions;
  #lastId = 0;

  private constructor(base: ProfilesFixture, running: RunningProfiles, subscriptions: Subscriptions) {
    this.base = base;
    this.running = running;
    this.#subscriptions = subscriptions;
    this.handler = this.#createHandler();
  }

  static async start(folder: string): Promise<RequestFixture> {
    const base = createProfilesFixture(folder);
    const subscriptions = new Subscriptions();
    const running = await startProfiles(base, {
      announce: (event, profile) => subscriptions.publish(event, { profile: profile.name }),
    });
    await running.profiles.load();
    return new RequestFixture(base, running, subscriptions);
  }

  /** Serves other profiles from now on. */
  replaceProfiles(running: RunningProfiles): void {
    this.running = running;
    this.handler = this.#createHandler();
  }

  /** Sends a request. @returns its id */
  call(method: string, params: object = {}, from: FakePeer = this.peer): number {
    this.#lastId += 1;
    this.handler.handle({ v: 1, id: this.#lastId, method, params }, from);
    return this.#lastId;
  }

  callAndWait(
    method: string,
    params: object = {},
    from: FakePeer = this.peer,
  ): ReturnType<FakePeer['waitForResponse']> {
    return from.waitForResponse(this.call(method, params, from));
  }

  /** The code of the error; `ok` if the request succeeds. */
  async captureCode(method: string, params: object = {}): Promise<string> {
    return (await this.callAndWait(method, params)).error?.code ?? 'ok';
  }

  #createHandler(): RequestHandler {
    return new RequestHandler({
      clock: this.base.clock,
      log: this.base.log,
      version: '0.1.0',
      profiles: this.running.profiles,
      subscriptions: this.#subscriptions,
      hooks: { isWorking: () => this.hasHook },
      getDaemonStatus: () => this.getDaemonStatus(),
      getRecentDaemonStatus: () => null,
      getProcessMetrics: () => processMetrics,
      getContainerAccess: () => this.containerAccess,
      stopDaemon: () => (this.stopCount += 1),
    });
  }
}
