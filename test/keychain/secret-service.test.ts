import assert from 'node:assert/strict';
import type { DBusMessage, DBusValue } from '../../src/keychain/dbus-message.ts';
import { problemOf } from '../../src/shared/errors.ts';
import { secretService, type SecretService } from '../../src/keychain/secret-service.ts';
import { startFakeBus, type FakeBus, type Reaction } from '../support/fake-bus.ts';
import { refusal, sentence } from '../support/refusal.ts';
import { until } from '../support/until.ts';

const login = '/org/freedesktop/secrets/collection/login';
const prompt = '/org/freedesktop/secrets/prompt/p1';
const attributes = { service: 'iam-tokend', account: 'key' };

/** A Secret Service with one keyring, and a person who treats its prompts. */
interface Scene {
  keyring: 'none' | 'locked' | 'open';
  /** The reaction of whoever sees a prompt; `absent` does nothing at all. */
  person: 'willing' | 'dismissive' | 'absent';
  found: { readonly unlocked: number; readonly locked: number };
}

describe('secret-service', () => {
  let scene: Scene;
  let bus: FakeBus;
  let service: SecretService;
  /** The time limits that were set, in the order in which they were; they end when the test says so. */
  let limits: AbortController[];
  /** Reacts in place of the scene, where it has something to say. */
  let instead: (call: DBusMessage) => Reaction | undefined;

  beforeEach(async () => {
    scene = { keyring: 'open', person: 'willing', found: { unlocked: 0, locked: 0 } };
    instead = () => undefined;
    limits = [];
    bus = await startFakeBus((call) => {
      const reaction = instead(call);
      return reaction === undefined ? play(call) : reaction;
    });
    service = serviceAt(`unix:path=${bus.path}`);
  });

  afterEach(() => bus.stop());

  function serviceAt(address: string): SecretService {
    const clock = {
      deadline(delayMs: number) {
        assert.ok(delayMs <= 4_000, 'under the 5 s that the daemon waits');
        const limit = new AbortController();
        limits.push(limit);
        return limit.signal;
      },
    };
    return secretService({ environment: { DBUS_SESSION_BUS_ADDRESS: address }, uid: 0, clock });
  }

  function play(call: DBusMessage): Reaction {
    if (call.member === 'ReadAlias')
      return { signature: 'o', body: [scene.keyring === 'none' ? '/' : login] };
    if (call.member === 'Get') {
      return { signature: 'v', body: [{ signature: 'b', value: scene.keyring === 'locked' }] };
    }
    if (call.member === 'SearchItems') {
      const paths = (count: number): string[] =>
        Array.from({ length: count }, (_, index) => `${login}/${index}`);
      return { signature: 'aoao', body: [paths(scene.found.unlocked), paths(scene.found.locked)] };
    }
    if (call.member === 'Unlock') return { signature: 'aoo', body: [[], prompt] };
    if (call.member === 'CreateCollection') return { signature: 'oo', body: ['/', prompt] };
    assert.equal(call.member, 'Prompt');
    if (scene.person === 'absent') return {};
    if (scene.person === 'willing') scene.keyring = 'open';
    bus.emit(completed(scene.person === 'dismissive'));
    return {};
  }

  function completed(dismissed: boolean): Parameters<FakeBus['emit']>[0] {
    const result: DBusValue = { signature: 's', value: '' };
    const shown = { path: prompt, interface: 'org.freedesktop.Secret.Prompt' };
    return { ...shown, member: 'Completed', signature: 'bv', body: [dismissed, result] };
  }

  const members = (): readonly string[] => bus.calls.map(({ member = '' }) => member);
  const patience = (): AbortSignal => new AbortController().signal;

  function timeIsUp(limit: AbortController | undefined): void {
    limit?.abort(new DOMException('no answer', 'TimeoutError'));
  }

  async function problemOfState(): Promise<string> {
    const closed = await service.check().then(
      () => assert.fail('it is open'),
      (error: unknown) => problemOf(error),
    );
    assert.match(closed.hint ?? '', /./);
    return sentence(closed);
  }

  it('says that an open keyring is open, and asks no more than that takes', async () => {
    await service.check();
    assert.deepEqual(members(), ['ReadAlias', 'Get']);
    assert.deepEqual(bus.calls[0]?.body, ['default']);
    assert.deepEqual(bus.calls[1]?.body, ['org.freedesktop.Secret.Collection', 'Locked']);
    await until(() => bus.connectionCount() === 0, 'the connection is gone');
  });

  it('tells a locked keyring from one that was never made', async () => {
    scene.keyring = 'locked';
    assert.match(await problemOfState(), /^keychain_locked: the keyring is locked/);
    scene.keyring = 'none';
    assert.match(await problemOfState(), /^keychain_unavailable: no keyring has been created/);
  });

  it('takes an alias that leads nowhere for no keyring', async () => {
    instead = ({ member }) =>
      member === 'Get' ? { errorName: 'org.freedesktop.DBus.Error.UnknownMethod' } : undefined;
    assert.match(await problemOfState(), /^keychain_unavailable: no keyring has been created/);
  });

  for (const name of ['ServiceUnknown', 'NameHasNoOwner', 'Spawn.ChildExited']) {
    it(`says that there is no service when the bus says ${name}`, async () => {
      instead = () => ({ errorName: `org.freedesktop.DBus.Error.${name}` });
      assert.match(await problemOfState(), /^keychain_unavailable: no keychain service/);
    });
  }

  it('says that the service is silent when it gives no answer in time', async () => {
    instead = () => null;
    const problem = problemOfState();
    await until(() => members().length > 0, 'the service was asked');
    timeIsUp(limits[0]);
    assert.match(await problem, /^keychain_unavailable: the keychain service does not answer/);
    await until(() => bus.connectionCount() === 0, 'the connection is gone');
    instead = () => ({ errorName: 'org.freedesktop.DBus.Error.NoReply' });
    assert.match(await problemOfState(), /^keychain_unavailable: the keychain service does not answer/);
    instead = () => Buffer.from('nonsense, and more than sixteen bytes of it');
    assert.match(await problemOfState(), /^keychain_unavailable: the keychain service does not answer/);
  });

  it('passes on what else the service says, in one line', async () => {
    instead = () => ({ errorName: 'a.b.C', signature: 's', body: ['no\n  way'] });
    assert.match(await problemOfState(), /^keychain_unavailable: the keychain service refused: no way$/);
  });

  it('says that there is no bus', async () => {
    for (const address of ['', 'unix:path=/nowhere/bus', 'autolaunch:']) {
      service = serviceAt(address);
      assert.match(await problemOfState(), /^keychain_unavailable: no D-Bus session bus/);
      assert.match(await refusal(service.has(attributes)), /^keychain_unavailable: no D-Bus session bus/);
    }
  });

  it('finds where items lie', async () => {
    assert.equal(await service.has(attributes), false);
    scene.found = { unlocked: 1, locked: 0 };
    assert.equal(await service.has(attributes), true);
    scene.found = { unlocked: 1, locked: 1 };
    assert.match(await refusal(service.has(attributes)), /keyring other than the default one/);
    assert.deepEqual(bus.calls.find(({ member }) => member === 'SearchItems')?.body, [
      [
        ['service', 'iam-tokend'],
        ['account', 'key'],
      ],
    ]);
  });

  it('searches nothing while the default keyring is locked', async () => {
    scene.keyring = 'locked';
    assert.match(await refusal(service.has(attributes)), /^keychain_locked/);
    assert.ok(!members().includes('SearchItems'));
  });

  it('unlocks an open keyring by doing nothing', async () => {
    await service.unlock(patience());
    assert.deepEqual(members(), ['ReadAlias', 'Get']);
  });

  it('unlocks with a prompt, and looks whether it did', async () => {
    scene.keyring = 'locked';
    await service.unlock(patience());
    assert.deepEqual(members(), ['ReadAlias', 'Get', 'Unlock', 'Prompt', 'ReadAlias', 'Get']);
    assert.deepEqual(bus.calls[2]?.body, [[login]]);
  });

  it('unlocks without a prompt where the service needs none', async () => {
    scene.keyring = 'locked';
    instead = ({ member }) => {
      if (member !== 'Unlock') return undefined;
      scene.keyring = 'open';
      return { signature: 'aoo', body: [[login], '/'] };
    };
    await service.unlock(patience());
    assert.ok(!members().includes('Prompt'));
  });

  it('creates the default keyring where there is none', async () => {
    scene.keyring = 'none';
    await service.unlock(patience());
    assert.deepEqual(bus.calls.find(({ member }) => member === 'CreateCollection')?.body, [
      [['org.freedesktop.Secret.Collection.Label', { signature: 's', value: 'Login' }]],
      'default',
    ]);
  });

  it('says so when the prompt is dismissed', async () => {
    scene.person = 'dismissive';
    for (const keyring of ['locked', 'none'] as const) {
      scene.keyring = keyring;
      assert.match(await refusal(service.unlock(patience())), /^keychain_locked: .*dismissed/);
    }
  });

  it('gives a person more time than the service', async () => {
    scene.keyring = 'locked';
    scene.person = 'absent';
    const unlocked = service.unlock(patience());
    await until(() => members().includes('Prompt'), 'the prompt is there');
    for (const limit of limits) timeIsUp(limit);
    scene.keyring = 'open';
    bus.emit(completed(false));
    await unlocked;
  });

  it('says that nobody answered in time, and never dismisses a prompt, which crashes gnome-keyring', async () => {
    scene.keyring = 'locked';
    scene.person = 'absent';
    const limit = new AbortController();
    const refused = refusal(service.unlock(limit.signal));
    await until(() => members().includes('Prompt'), 'the prompt is there');
    timeIsUp(limit);
    assert.match(await refused, /^keychain_locked: .*nobody answered/);
    assert.equal(members().at(-1), 'Prompt');
    await until(() => bus.connectionCount() === 0, 'the connection is gone');
  });

  it('does not wait for a prompt whose service has gone', async () => {
    scene.keyring = 'locked';
    scene.person = 'absent';
    const refused = refusal(service.unlock(patience()));
    await until(() => members().includes('Prompt'), 'the prompt is there');
    instead = () => ({ errorName: 'org.freedesktop.DBus.Error.ServiceUnknown' });
    bus.emit({
      path: '/org/freedesktop/DBus',
      interface: 'org.freedesktop.DBus',
      member: 'NameOwnerChanged',
      signature: 'sss',
      body: ['org.freedesktop.secrets', ':1.1', ''],
    });
    assert.match(await refused, /^keychain_unavailable: no keychain service/);
  });
});
