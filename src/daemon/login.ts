import type { LoginParams } from '../protocol/messages.ts';
import type { Clock, Instant } from '../shared/clock.ts';
import { audienceOf, endpointOf, endpointRule } from '../shared/endpoint.ts';
import { type Problem, ProblemError, problemOf } from '../shared/errors.ts';
import { given } from '../shared/given.ts';
import type { Log } from '../shared/log.ts';
import type { Secret } from '../shared/secret.ts';
import type { CredentialKind, Installation } from '../sources/credential-kind.ts';
import { openSource } from '../sources/open-source.ts';
import type { Exchanged, ExchangeFailure, IamTokenSource } from '../token/ports.ts';
import { namingProfile } from './profile-problems.ts';
import type { ProfileEntry } from './profile-registry.ts';
import { scopeOf } from './profile-status.ts';
import { type LiveParts, liveSource } from './renewed-credential.ts';

export interface LoginParts extends LiveParts {
  readonly clock: Clock;
  readonly kindOf: (name: string) => CredentialKind | null;
  /** Where a credential is confirmed unless `login` names another place. */
  readonly defaultInstallation: () => Installation;
}

export interface Confirmed {
  /** Of the credential that is live now. */
  readonly source: IamTokenSource;
  readonly exchanged: Exchanged;
  /** When the confirming exchange began. */
  readonly startedAt: Instant;
  /** Where the old credential lies, not live any more and still to be removed. */
  readonly replacedSlot: string | null;
}

/**
 * A login is a transaction: the credential goes to a slot of its own, is confirmed by one exchange, and becomes the
 * profile's by the renaming of `profiles.json`. Whatever fails or is killed on the way leaves the old credential at
 * work, and the new slot to be emptied: at once, or by the next start.
 *
 * @param signal gives it up, as long as it is not live
 * @throws ProblemError `bad_request` before anything is asked; `login_required` or `unavailable` with what the
 *   service said; the store's own problems
 */
export async function confirmCredential(
  parts: LoginParts,
  name: string,
  params: LoginParams,
  signal: AbortSignal,
): Promise<Confirmed> {
  const { registry, slots, tools } = parts;
  refuseWhenGivenUp(signal);
  const kind = parts.kindOf(params.kind);
  if (kind === null) {
    throw new ProblemError({ code: 'bad_request', message: 'there is no such kind of credential' });
  }
  const { endpoint, audience } = installationOf(params.endpoint, parts.defaultInstallation());
  const credential = await kind.accept({ settings: {}, ...params }, { endpoint, audience }, tools);
  const slot = await slots.pending();
  const keep = (secret: Secret): Promise<void> =>
    slots.writeCredential(slot, { kind: kind.name, endpoint, audience, credential: secret }, 'asked');
  try {
    await keep(credential);
    const opened = { endpoint, audience, ...scopeOf(params) };
    const startedAt = parts.clock.now();
    const source = openSource(kind, credential, opened, tools);
    const isDefault = (): boolean => name === (registry.current().default ?? 'default');
    const outcome = await namingProfile(source, name, isDefault).exchange(signal, true);
    if (!outcome.ok) throw new ProblemError(problemOfFailure(outcome.failure, kind.name));
    const confirmed = outcome.replacement ?? credential;
    if (confirmed !== credential) await keep(confirmed);
    const scope = { ...(await kind.cloudAndFolder?.(confirmed, tools, signal)), ...scopeOf(params) };
    refuseWhenGivenUp(signal);
    const entry: ProfileEntry = { kind: kind.name, endpoint, audience, slot, ...scope };
    const live = liveSource(parts, name, kind, confirmed, entry);
    const replacedSlot = await slots.makeLive(name, entry);
    return { source: live, exchanged: outcome.exchanged, startedAt, replacedSlot };
  } catch (error) {
    writeFailedLogin(parts.log, problemOf(error), name);
    // Unasked: a person who sent the prompt away gets no second one. What stays is on the list.
    await slots.discard(slot, 'unasked');
    throw error;
  }
}

function refuseWhenGivenUp(signal: AbortSignal): void {
  if (!signal.aborted) return;
  throw new ProblemError({ code: 'unavailable', message: 'the login was given up', retryAfterMs: 1_000 });
}

function installationOf(given: string | undefined, otherwise: Installation): Installation {
  if (given === undefined) return otherwise;
  const endpoint = endpointOf(given);
  if (endpoint !== null) return { endpoint, audience: audienceOf(endpoint) };
  throw new ProblemError({ code: 'bad_request', message: `the endpoint ${endpointRule}` });
}

function problemOfFailure(
  { kind, message, hint, retryAfterMs }: ExchangeFailure,
  credentialKind: string,
): Problem {
  // What failed is not kept, so that there is nothing to refresh.
  const again = hint?.replace('iam-token refresh', `iam-token login --${credentialKind}`);
  return {
    code: kind === 'transient' ? 'unavailable' : 'login_required',
    message,
    ...given({ hint: again }),
    ...(kind === 'transient' ? { retryAfterMs: retryAfterMs ?? 1_000 } : {}),
  };
}

/** What a person would be told, for whoever reads the log. */
function writeFailedLogin(log: Log, { message, hint }: Problem, profile: string): void {
  log.write('warn', `the login failed: ${message}`, { profile });
  for (const line of hint?.split('\n') ?? []) log.write('warn', `what to do: ${line}`, { profile });
}
