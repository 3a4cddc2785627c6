import type { Log } from '../shared/log.ts';
import { problemOf } from '../shared/errors.ts';
import type { Secret } from '../shared/secret.ts';
import type { CredentialKind } from '../sources/credential-kind.ts';
import { openSource } from '../sources/open-source.ts';
import type { ExchangeOutcome, IamTokenSource } from '../token/ports.ts';
import type { LoginParts } from './login.ts';
import { namingProfile } from './profile-problems.ts';
import type { ProfileEntry } from './profile-registry.ts';

/**
 * A source whose service may give another credential for the one it was shown: the new one is stored before it is
 * used. Until that has succeeded nothing more is exchanged, for a crash would leave a credential that is worth nothing.
 *
 * @param store keeps the credential and opens it; throws ProblemError when the store does not take it
 */
export function storedBeforeUse(
  opened: IamTokenSource,
  store: (replacement: Secret) => Promise<IamTokenSource>,
  log: Log,
): IamTokenSource {
  let current = opened;
  let unstored: Secret | null = null;

  /** @returns why it is not stored; `null` when it is */
  async function settle(replacement: Secret): Promise<ExchangeOutcome | null> {
    try {
      current = await store(replacement);
      unstored = null;
      return null;
    } catch (error) {
      const { message, hint } = problemOf(error);
      const said = `the renewed credential cannot be stored: ${message}`;
      log.write('warn', said);
      return {
        ok: false,
        failure: { kind: 'transient', message: said, ...(hint === undefined ? {} : { hint }) },
      };
    }
  }

  async function exchangeCurrent(signal: AbortSignal, interactive: boolean): Promise<ExchangeOutcome> {
    const { replacement, ...outcome } = await current.exchange(signal, interactive);
    if (replacement !== undefined) {
      unstored = replacement;
      await settle(replacement);
    }
    return outcome;
  }

  return {
    exchange: async (signal, interactive) => {
      const blocked = unstored === null ? null : await settle(unstored);
      return blocked ?? exchangeCurrent(signal, interactive);
    },
  };
}

/** The source of a credential that is live: another that comes for it becomes live by the flip of a slot, as at a login. */
export function liveSource(
  parts: LoginParts,
  name: string,
  kind: CredentialKind,
  credential: Secret,
  entry: ProfileEntry,
): IamTokenSource {
  const isDefault = (): boolean => name === parts.registry.current().default;
  const opened = (secret: Secret): IamTokenSource =>
    namingProfile(openSource(kind, secret, entry, parts.tools), name, isDefault);
  let { slot } = entry;
  return storedBeforeUse(
    opened(credential),
    async (replacement) => {
      slot = await flipped(parts, name, { ...entry, slot }, replacement);
      return opened(replacement);
    },
    parts.log,
  );
}

/** @returns the slot that is live then, unless a login was quicker */
async function flipped(
  { slots }: LoginParts,
  name: string,
  entry: ProfileEntry,
  credential: Secret,
): Promise<string> {
  const { kind, endpoint, audience, slot: old } = entry;
  const slot = await slots.pending();
  let unused: string | null = slot;
  try {
    await slots.writeCredential(slot, { kind, endpoint, audience, credential }, 'unasked');
    const token = await slots.readToken(old);
    if (token !== null) await slots.writeToken(slot, token);
    unused = await slots.makeLive(name, { ...entry, slot }, old);
  } finally {
    if (unused !== null) await slots.discard(unused, 'unasked');
  }
  return slot;
}
