import { setImmediate as turn } from 'node:timers/promises';
import type { CredentialStore, Manner } from '../../src/keychain/credential-store.ts';
import { createMemoryStore } from '../../src/keychain/memory-store.ts';
import { type ErrorCode, ProblemError } from '../../src/shared/errors.ts';
import { Secret } from '../../src/shared/secret.ts';

type Operation = 'read' | 'write' | 'remove';

export interface StoreCall {
  readonly operation: Operation;
  readonly key: string;
  readonly manner: Manner;
}

/** A store in memory that fails or hangs when a test says so, and remembers what it was asked. */
export interface FakeStore extends CredentialStore {
  readonly calls: readonly StoreCall[];
  readonly closed: boolean;
  /** How often it was told to forget; what lies in it stays, as in a keychain. */
  readonly locks: number;
  /** Those that it was unlocked with; it takes any. */
  readonly passphrases: readonly string[];
  /** The keys of what lies in it. */
  keys(): readonly string[];
  /** From now on the calls that `which` names fail with this code; with `null` they succeed again. */
  failWith(code: ErrorCode | null, which?: (call: StoreCall) => boolean): void;
  /** From now on the calls that `which` names wait until the answer is called. */
  hold(which: (call: StoreCall) => boolean): () => void;
  put(key: string, text: string): void;
}

export function fakeStore(): FakeStore {
  const inner = createMemoryStore();
  const calls: StoreCall[] = [];
  const keys = new Set<string>();
  let closed = false;
  let locks = 0;
  const passphrases: string[] = [];
  let fails: { readonly code: ErrorCode; readonly which: (call: StoreCall) => boolean } | null = null;
  const holds = new Set<{
    readonly which: (call: StoreCall) => boolean;
    readonly released: Promise<void>;
  }>();

  async function called(call: StoreCall): Promise<void> {
    calls.push(call);
    // A real store answers in a later turn.
    await turn();
    for (const { which, released } of [...holds]) if (which(call)) await released;
    if (fails?.which(call) === true) {
      throw new ProblemError({ code: fails.code, message: `the store fails: ${fails.code}` });
    }
  }

  return {
    kind: 'memory',
    calls,
    get closed() {
      return closed;
    },
    keys: () => [...keys].toSorted(),
    put(key, text) {
      keys.add(key);
      void inner.write(key, new Secret(text), 'asked');
    },
    failWith(code, which = () => true) {
      fails = code === null ? null : { code, which };
    },
    hold(which) {
      const { promise: released, resolve } = promiseWithResolvers();
      const entry = { which, released };
      holds.add(entry);
      return () => {
        holds.delete(entry);
        resolve();
      };
    },
    async state() {
      await turn();
      return fails === null
        ? { kind: 'open' }
        : { kind: 'closed', problem: { code: fails.code, message: 'the store fails' } };
    },
    async read(key, manner) {
      await called({ operation: 'read', key, manner });
      return inner.read(key, manner);
    },
    async write(key, value, manner) {
      await called({ operation: 'write', key, manner });
      keys.add(key);
      await inner.write(key, value, manner);
    },
    async remove(key, manner) {
      await called({ operation: 'remove', key, manner });
      keys.delete(key);
      await inner.remove(key, manner);
    },
    async unlock(passphrase) {
      await turn();
      if (passphrase !== null) passphrases.push(passphrase.expose());
      if (fails !== null) throw new ProblemError({ code: fails.code, message: 'the store fails' });
    },
    lock() {
      locks += 1;
    },
    passphrases,
    get locks() {
      return locks;
    },
    async close() {
      closed = true;
      await inner.close();
    },
  };
}

function promiseWithResolvers(): { readonly promise: Promise<void>; readonly resolve: () => void } {
  let resolve: () => void = () => undefined;
  const promise = new Promise<void>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}
