import assert from 'node:assert/strict';
import type { FullStatus } from '../../../src/protocol/collect-pages.ts';
import { listKeyringAccounts } from '../../support/stores/keyring-items.ts';
import { monitorPrompts, type PromptMonitor } from '../../support/stores/prompt-monitor.ts';
import type { PrivateKeyring } from '../../support/stores/private-keyring.ts';
import { oauthToken, startTestEnvironment, type TestEnvironment } from '../../support/test-environment.ts';
import { waitUntil } from '../../support/wait-until.ts';

export interface KeyringFixture {
  readonly testEnv: TestEnvironment;
  readonly keyring: PrivateKeyring;
  readonly monitor: PromptMonitor;
  readonly listAccounts: () => Promise<readonly string[]>;
  /** The keyring may fail to list its items for a moment. */
  readonly waitForAccounts: (count: number, condition: string) => Promise<void>;
  readonly readStatus: () => Promise<FullStatus>;
}

/** For each test of the suite that calls this: a login whose credential and token are in a private gnome-keyring. */
export function useKeyringFixture(): () => KeyringFixture {
  let fixture: KeyringFixture | undefined;

  beforeEach(async () => {
    const testEnv = await startTestEnvironment();
    const { keyring } = testEnv;
    assert.ok(keyring !== null);
    const listAccounts = (): Promise<readonly string[]> => listKeyringAccounts(testEnv.environment);
    const waitForAccounts = (count: number, condition: string): Promise<void> =>
      waitUntil(async () => (await listAccounts().catch(() => null))?.length === count, condition, 40_000);
    await testEnv.startDaemon();
    assert.equal((await testEnv.iamToken(['login', '--stdin'], oauthToken)).code, 0);
    await waitForAccounts(2, 'the token is stored');
    fixture = {
      testEnv,
      keyring,
      monitor: await monitorPrompts(keyring.environment),
      listAccounts,
      waitForAccounts,
      readStatus: async () => JSON.parse((await testEnv.iamToken(['status', '--json'])).stdout) as FullStatus,
    };
  });
  afterEach(async () => {
    await fixture?.monitor.stop();
    await fixture?.testEnv.stop();
    fixture = undefined;
  });

  return () => {
    assert.ok(fixture !== undefined);
    return fixture;
  };
}
