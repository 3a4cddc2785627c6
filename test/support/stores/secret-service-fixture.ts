import {
  createSecretService,
  type SecretService,
} from '../../../src/stores/secret-service/secret-service.ts';
import { captureProblem, formatProblem } from '../problems.ts';
import { collectionPath, FakeSecretService } from './fake-secret-service.ts';

/** A `SecretService` on a fake service, whose timeouts a test aborts. */
export class SecretServiceFixture {
  readonly fake: FakeSecretService;
  /** Of the process that owns the bus name. */
  processName = 'some-keyring';
  readonly service: SecretService;
  #timeoutControllers: AbortController[] = [];

  private constructor(fake: FakeSecretService) {
    this.fake = fake;
    this.service = this.serviceAt(`unix:path=${fake.bus.path}`);
  }

  static async start(): Promise<SecretServiceFixture> {
    return new SecretServiceFixture(await FakeSecretService.start());
  }

  serviceAt(address: string): SecretService {
    const clock = {
      timeoutSignal: (delayMs: number) => {
        if (delayMs > 4_000) throw new Error('not under the 5 s that the daemon waits');
        const controller = new AbortController();
        this.#timeoutControllers.push(controller);
        return controller.signal;
      },
    };
    return createSecretService({
      environment: { DBUS_SESSION_BUS_ADDRESS: address },
      uid: 0,
      clock,
      serviceName: 'iam-tokend',
      readProcessName: () => this.processName,
    });
  }

  /** Each item as its path and its value. */
  listItems(): readonly string[] {
    return this.fake.items.map(({ path, value }) => `${path} ${value}`);
  }

  setLocked(name: string, isLocked = true): void {
    this.fake.collections.set(collectionPath(name), { label: name, isLocked });
  }

  abortTimeouts(): void {
    for (const controller of this.#timeoutControllers) abortWithTimeout(controller);
  }

  async unlock(
    keys: readonly string[],
    purpose: 'read' | 'write' | 'remove' = 'read',
    tokenKeys: readonly string[] = [],
    promptSignal: AbortSignal = new AbortController().signal,
  ): Promise<void> {
    const accessKeys = [...keys, ...tokenKeys];
    await this.service.unlock({ keys, accessKeys, purpose }, promptSignal);
  }

  /** The problem of each background call for the item. */
  async listProblems(key: string): Promise<readonly string[]> {
    const calls = [
      () => this.service.read(key),
      () => this.service.write(key, 'new', null),
      () => this.service.remove(key, null),
    ];
    const problems: string[] = [];
    for (const call of calls) problems.push(formatProblem(await captureProblem(call())));
    return problems;
  }
}

export function abortWithTimeout(controller: AbortController): void {
  controller.abort(new DOMException('no answer', 'TimeoutError'));
}
