import assert from 'node:assert/strict';
import {
  FairScheduler,
  requestsPerTurn,
  type SchedulableConnection,
  type ScheduledConnection,
} from '../../../src/adapters/ipc/fair-scheduler.ts';

const busyUser = { key: 'busyUser', isPrivileged: false };
const neighbour = { key: 'neighbour', isPrivileged: false };
const owner = { key: 'owner', isPrivileged: true };

/** A connection with so many requests left; each takes a tenth of a millisecond. */
class FakeConnection implements SchedulableConnection {
  requests = 0;
  hasUnreadOutput = false;
  heldBytes = 0;
  isReading = true;
  closeReason: string | null = null;
  servedAt: number[] = [];
  scheduled: ScheduledConnection | null = null;
  onServe: () => void = () => undefined;
  readonly #world: World;

  constructor(world: World) {
    this.#world = world;
  }

  get hasInput(): boolean {
    return this.requests > 0;
  }

  serve(maxRequests: number): number {
    const count = Math.min(maxRequests, this.requests);
    this.requests -= count;
    this.#world.nowMs += count / 10;
    this.servedAt.push(...Array.from({ length: count }, () => this.#world.nowMs));
    this.onServe();
    return count;
  }

  receive(requests: number): void {
    assert.ok(this.isReading, 'only a connection that is read receives input');
    this.requests += requests;
    this.scheduled?.onInput();
  }

  startReading(): void {
    this.isReading = true;
  }

  stopReading(): void {
    this.isReading = false;
  }

  close(reason: string): void {
    this.closeReason = reason;
  }
}

class World {
  nowMs = 0;
  #deferred: (() => void)[] = [];
  readonly scheduler = new FairScheduler({
    now: () => this.nowMs,
    defer: (callback) => this.#deferred.push(callback),
  });

  connect(user: { readonly key: string; readonly isPrivileged: boolean }): FakeConnection {
    const connection = new FakeConnection(this);
    connection.scheduled = this.scheduler.add(user, connection);
    return connection;
  }

  connectMany(
    user: { readonly key: string; readonly isPrivileged: boolean },
    count: number,
  ): FakeConnection[] {
    return Array.from({ length: count }, () => this.connect(user));
  }

  /** One turn of the event loop. @returns whether there was something to do */
  runSlice(): boolean {
    const callbacks = this.#deferred.splice(0);
    for (const callback of callbacks) callback();
    return callbacks.length > 0;
  }

  runAll(): void {
    while (this.runSlice());
  }
}

describe('FairScheduler', () => {
  let world: World;
  beforeEach(() => {
    world = new World();
  });

  it('handles the requests of a quiet connection at once, without a further turn of the event loop', () => {
    const connection = world.connect(busyUser);
    connection.receive(4);
    assert.equal(connection.requests, 0);
    world.runAll();
    connection.receive(4);
    assert.equal(connection.requests, 0);
    assert.ok(connection.isReading);
    assert.equal(world.runSlice(), false);
  });

  it('D2: handles a request of another user within a slice, whatever the first one has sent', () => {
    const flood = world.connectMany(busyUser, 20);
    for (const connection of flood) connection.receive(1_000);
    const other = world.connect(neighbour);
    const waitsMs: number[] = [];
    for (let n = 0; n < 50; n += 1) {
      const sentMs = world.nowMs;
      other.receive(1);
      while (other.requests > 0) world.runSlice();
      waitsMs.push((other.servedAt.at(-1) ?? Infinity) - sentMs);
      world.runSlice();
    }
    assert.ok(Math.max(...waitsMs) <= (2 * requestsPerTurn) / 10, `${Math.max(...waitsMs)} ms`);
    assert.ok(flood.some(({ requests }) => requests > 0));
  });

  it('D2: shares the turns among users, then among the connections of a user', () => {
    const busyConnections = world.connectMany(busyUser, 10);
    const smallUser = world.connect(neighbour);
    for (const connection of [...busyConnections, smallUser]) connection.receive(600);
    while (smallUser.requests > 0) world.runSlice();
    const served = busyConnections.map(({ servedAt }) => servedAt.length);
    const total = served.reduce((sum, count) => sum + count, 0);
    assert.ok(total <= 600 + 256 + 4 * requestsPerTurn, `${total} requests of the other user`);
    assert.ok(Math.max(...served.slice(1)) - Math.min(...served) <= 2 * requestsPerTurn, served.join());
  });

  it('D2: reserves every second turn for the owner and root, even from many users', () => {
    for (let n = 0; n < 30; n += 1) world.connect({ key: `other ${n}`, isPrivileged: false }).receive(1_000);
    const connection = world.connect(owner);
    connection.receive(320);
    let slices = 0;
    while (connection.requests > 0) {
      world.runSlice();
      slices += 1;
    }
    assert.ok(slices <= 20, `${slices} slices`);
  });

  it('D2: reads no more of a user than it can handle soon, and all of it in the end', () => {
    const flood = world.connectMany(busyUser, 900);
    const other = world.connect(neighbour);
    for (const connection of flood) if (connection.isReading) connection.receive(100);
    assert.ok(flood.filter(({ requests }) => requests > 0).length <= 40);
    assert.ok(other.isReading);
    for (let n = 0; n < 100_000 && flood.some(({ servedAt }) => servedAt.length === 0); n += 1) {
      world.runSlice();
      for (const connection of flood)
        if (connection.isReading && connection.servedAt.length === 0) connection.receive(100);
      assert.ok(flood.filter(({ requests }) => requests > 0).length <= 40);
    }
    world.runAll();
    assert.ok(flood.every(({ isReading, servedAt }) => isReading && servedAt.length === 100));
  });

  it('D2: neither reads nor serves a connection with unread output, until that is read', () => {
    const connection = world.connect(busyUser);
    connection.hasUnreadOutput = true;
    connection.receive(1_000);
    world.runAll();
    const { length } = connection.servedAt;
    assert.ok(length <= 256);
    assert.equal(connection.isReading, false);
    connection.hasUnreadOutput = false;
    connection.scheduled?.update();
    world.runAll();
    assert.equal(connection.servedAt.length, 1_000);
    assert.ok(connection.isReading);
  });

  it('D2: bounds the memory of a user by closing the connection that has held some for longest', () => {
    const flood = world.connectMany(busyUser, 200);
    const other = world.connect(neighbour);
    other.heldBytes = 1_024;
    other.scheduled?.update();
    for (const connection of flood) {
      connection.hasUnreadOutput = true;
      connection.heldBytes = 64 * 1_024;
      connection.scheduled?.update();
    }
    const closed = flood.map(({ closeReason }) => closeReason !== null);
    assert.equal(closed.lastIndexOf(true) + 1, closed.filter(Boolean).length, 'the first ones');
    const heldBytes = flood.filter(({ closeReason }) => closeReason === null).length * 64 * 1_024;
    assert.ok(heldBytes <= 8 * 1_024 * 1_024, `${heldBytes} bytes`);
    assert.equal(other.closeReason, null);
  });

  it('D2: bounds the memory of all other users together, and not that of the owner by theirs', () => {
    const connections = Array.from({ length: 100 }, (_, n) =>
      world.connect({ key: `other ${n}`, isPrivileged: false }),
    );
    const ofOwner = world.connect(owner);
    for (const connection of [ofOwner, ...connections]) {
      connection.heldBytes = 1_024 * 1_024;
      connection.scheduled?.update();
    }
    assert.equal(connections.filter(({ closeReason }) => closeReason === null).length, 32);
    assert.equal(ofOwner.closeReason, null);
  });

  it('D2: bounds the memory of all other users together by closing connections of the one that holds most', () => {
    const hold = (key: string, heldBytes: number): FakeConnection => {
      const connection = world.connect({ key, isPrivileged: false });
      connection.heldBytes = heldBytes;
      connection.scheduled?.update();
      return connection;
    };
    const small = hold('small', 1_024);
    const flood = ['a', 'b', 'c', 'd'].flatMap((key) =>
      Array.from({ length: 8 }, () => hold(key, 1_024 * 1_024 - 128)),
    );
    const mostHeld = hold('a', 512);
    const innocent = hold('innocent', 8_000);
    assert.deepEqual([small.closeReason, innocent.closeReason, mostHeld.closeReason], [null, null, null]);
    assert.deepEqual(
      flood.map(({ closeReason }) => closeReason !== null),
      flood.map((_, index) => index === 0),
      'the oldest connection of the user that holds most',
    );
  });

  it('does not serve a connection again that closes during its turn', () => {
    const [first, second] = world.connectMany(busyUser, 2) as [FakeConnection, FakeConnection];
    first.receive(1_000);
    first.onServe = () => first.scheduled?.remove();
    world.runAll();
    const { length } = first.servedAt;
    second.receive(1_000);
    world.runAll();
    assert.equal(second.servedAt.length, 1_000);
    assert.equal(first.servedAt.length, length);
  });

  it('forgets a connection that has closed', () => {
    const [first, second] = world.connectMany(busyUser, 2) as [FakeConnection, FakeConnection];
    first.receive(1_000);
    first.scheduled?.remove();
    first.scheduled?.update();
    world.runAll();
    assert.ok(first.requests > 0);
    second.receive(100);
    world.runAll();
    assert.equal(second.servedAt.length, 100);
  });
});
