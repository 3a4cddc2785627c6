import type { CertificateAnchor } from '../../config/certificate-files.ts';
import type { LoginParams, LoginResult, ProfileScope } from '../../protocol/method-types.ts';
import type { Clock, Instant } from '../../shared/clock.ts';
import { defaultAudienceOf, endpointRule, parseEndpoint } from '../../shared/endpoint.ts';
import { type Problem, IamTokenError, problemOf, renderProblem } from '../../shared/errors.ts';
import { type Hint, linesOf, pickLoginSettings } from '../../shared/hint.ts';
import { omitUndefined } from '../../shared/omit-undefined.ts';
import type { Secret } from '../../shared/secret.ts';
import type { CredentialKind, Installation, SourceTools } from '../../sources/credential-kind.ts';
import { exchangeAwake } from '../../sources/exchange-awake.ts';
import { findDisplayName } from '../../sources/find-display-name.ts';
import { openProfileSource } from '../../sources/open-profile-source.ts';
import type { IssuedToken, ExchangeFailure, IamTokenSource } from '../../token/token-source.ts';
import {
  findEntry,
  loginHintProfileOf,
  type ProfileEntry,
  type ProfileRegistry,
} from './profile-registry.ts';
import { withLiveKey } from '../keys/obsolete-keys.ts';
import type { ProfileRef } from '../profile-ref.ts';
import { createFailureProblem } from './profile-problems.ts';
import { type RotatingSourceParts, createRotatingSource } from './rotating-source.ts';

export interface LoginParts extends RotatingSourceParts {
  readonly registry: ProfileRegistry;
  readonly clock: Clock;
  readonly findCredentialKind: (name: string) => CredentialKind | null;
  /** The installation for a login without `endpoint`. */
  readonly getDefaultInstallation: () => Installation;
  /** Whether a login asks IAM for the display name of the account; absent: it does not. */
  readonly isNameLookupEnabled?: () => boolean;
}

/** Of a login with a credential. */
export type CredentialLoginParams = LoginParams & { readonly kind: string };

/** The credential to verify, in the form in which it is stored. */
export type ReadCredential = (
  kind: CredentialKind,
  installation: Installation,
  tools: SourceTools,
) => Promise<Secret>;

type InheritedSettings = NonNullable<LoginResult['inherited']>;

export interface VerifiedLogin {
  readonly source: IamTokenSource;
  /** The certificates that the verifying exchange trusted. */
  readonly anchors: readonly CertificateAnchor[];
  readonly exchangeResult: IssuedToken<Secret>;
  /** The start of the verifying exchange. */
  readonly startedAt: Instant;
  /** The slot of the previous credential, which is still to be discarded. */
  readonly replacedSlot: string | null;
  readonly inherited: InheritedSettings | null;
}

/**
 * A login is a transaction: the credential is written to a pending slot, verified by one exchange, and committed by
 * renaming `profiles.json`. If a step fails or the daemon is killed, the previous credential stays in use, and the
 * pending slot is emptied, now or at the next start.
 *
 * @param signal cancels the login until it is committed
 * @throws IamTokenError `bad_request` for invalid input; `login_required` or `unavailable` if the exchange failed; the
 *   problems of the store
 */
export async function verifyCredential(
  parts: LoginParts,
  owner: ProfileRef,
  params: CredentialLoginParams,
  signal: AbortSignal,
  readCredential: ReadCredential = (kind, installation, tools) =>
    kind.createCredential({ settings: {}, ...params }, installation, tools),
): Promise<VerifiedLogin> {
  const { slots, trust } = parts;
  const { name } = owner;
  const anchors = await trust.readAnchors();
  const tools = trust.toolsFor(owner, anchors);
  throwIfCancelled(signal);
  const kind = parts.findCredentialKind(params.kind);
  if (kind === null) {
    // Without the value: it may be a credential in the wrong place.
    throw new IamTokenError({ code: 'bad_request', message: 'unknown kind of credential' });
  }
  const previousEntry = findEntry(parts.registry.current, name);
  const defaultInstallation = parts.getDefaultInstallation();
  const { endpoint, audience } = resolveInstallation(params, previousEntry, defaultInstallation);
  const credential = await readCredential(kind, { endpoint, audience }, tools);
  const slot = await slots.createPending();
  const writeToSlot = (secret: Secret): Promise<void> => {
    const item = { kind: kind.name, endpoint, audience, credential: secret, anchors };
    return slots.writeCredential(slot, item, 'interactive');
  };
  try {
    await writeToSlot(credential);
    const options = { endpoint, audience, ...resolveScope(params, previousEntry, {}) };
    const openSource = (secret: Secret): IamTokenSource => openProfileSource(kind, secret, options, tools);
    const firstSource = openSource(credential);
    const { outcome, startedAt } = await exchangeAwake(firstSource, parts.clock, signal, true);
    if (!outcome.ok) throw new IamTokenError(createLoginProblem(outcome.failure));
    const { issuedToken, replacement } = outcome;
    if (replacement !== undefined) await writeToSlot(replacement);
    const live = replacement ?? credential;
    const discovered = (await kind.readCloudAndFolder?.(live, tools, signal)) ?? {};
    const installedScope = { endpoint, audience, ...resolveScope(params, previousEntry, discovered) };
    const account = await nameAccount(parts, kind, issuedToken, installedScope, previousEntry, signal, tools);
    throwIfCancelled(signal);
    const details = omitUndefined({
      account,
      key: kind.keys?.describe(live),
      settings: pickLoginSettings(kind.name, params.settings),
    });
    const entry: ProfileEntry = { kind: kind.name, slot, ...installedScope, ...details };
    const verifiedSource = replacement === undefined ? firstSource : openSource(replacement);
    const source = createRotatingSource(parts, owner, kind, verifiedSource, entry, anchors);
    const replacedSlot = await slots.commit(name, entry, undefined, withLiveKey(entry));
    const inherited = findInherited(params, previousEntry, defaultInstallation);
    return { source, anchors, exchangeResult: issuedToken, startedAt, replacedSlot, inherited };
  } catch (error) {
    logFailedLogin(parts, problemOf(error), name, params);
    // Without a prompt, as the user may just have dismissed one. The next start empties what stays.
    await slots.discard(slot, 'background');
    throw error;
  }
}

/** Best effort: a login does not fail without a name, and keeps the one that it had for the same account. */
async function nameAccount(
  parts: LoginParts,
  { accountCollections }: CredentialKind,
  { subject, value }: IssuedToken<Secret>,
  installation: Installation & ProfileScope,
  previousEntry: ProfileEntry | undefined,
  signal: AbortSignal,
  tools: SourceTools,
): Promise<ProfileEntry['account']> {
  if (subject === null || parts.isNameLookupEnabled?.() !== true) return undefined;
  const isImpersonated = installation.impersonateServiceAccountId !== undefined;
  const collections = isImpersonated ? (['serviceAccounts'] as const) : accountCollections;
  const displayName = await findDisplayName(subject, collections, value, installation, signal, tools);
  if (displayName !== null) return { id: subject, displayName };
  const previousAccount = previousEntry?.account;
  return previousAccount?.id === subject ? previousAccount : undefined;
}

function throwIfCancelled(signal: AbortSignal): void {
  if (!signal.aborted) return;
  throw new IamTokenError({ code: 'unavailable', message: 'the login was cancelled', retryAfterMs: 1_000 });
}

/**
 * The installation that verifies the credential: that of the login, else that of the profile, else the daemon's.
 * @throws IamTokenError `bad_request`
 */
function resolveInstallation(
  { endpoint: endpointText }: CredentialLoginParams,
  entry: ProfileEntry | undefined,
  defaultInstallation: Installation,
): Installation {
  if (endpointText === undefined && entry !== undefined && entry.endpoint !== defaultInstallation.endpoint)
    return { endpoint: entry.endpoint, audience: entry.audience };
  if (endpointText === undefined || endpointText === '') return defaultInstallation;
  const endpoint = parseEndpoint(endpointText);
  if (endpoint !== null) return { endpoint, audience: defaultAudienceOf(endpoint) };
  throw new IamTokenError({ code: 'bad_request', message: `the endpoint ${endpointRule}` });
}

/**
 * The other settings, each from the first of these that has it: the login, the profile, the credential itself. An empty
 * text in the login clears one.
 * @param discovered the cloud and folder of the credential
 */
function resolveScope(
  params: CredentialLoginParams,
  entry: ProfileEntry | undefined,
  discovered: ProfileScope,
): ProfileScope {
  const resolve = (key: keyof ProfileScope): string | undefined =>
    (params[key] ?? entry?.[key] ?? discovered[key]) || undefined;
  return omitUndefined({
    cloudId: resolve('cloudId'),
    folderId: resolve('folderId'),
    impersonateServiceAccountId: resolve('impersonateServiceAccountId'),
  });
}

/** What the profile keeps because the login does not mention it; `null` if nothing. The daemon's own endpoint is no setting. */
function findInherited(
  params: CredentialLoginParams,
  entry: ProfileEntry | undefined,
  defaultInstallation: Installation,
): InheritedSettings | null {
  if (entry === undefined) return null;
  const inherit = (key: 'endpoint' | keyof ProfileScope): string | undefined =>
    params[key] === undefined ? entry[key] : undefined;
  const isDefaultEndpoint = entry.endpoint === defaultInstallation.endpoint;
  const inherited = omitUndefined({
    endpoint: isDefaultEndpoint ? undefined : inherit('endpoint'),
    cloudId: inherit('cloudId'),
    folderId: inherit('folderId'),
    impersonateServiceAccountId: inherit('impersonateServiceAccountId'),
  });
  return Object.keys(inherited).length === 0 ? null : inherited;
}

function createLoginProblem(failure: ExchangeFailure): Problem {
  const problem = createFailureProblem(failure);
  return problem.hint === undefined ? problem : { ...problem, hint: loginHintOf(problem.hint) };
}

/** A credential that failed is not stored, so a `refresh` would have nothing to exchange. */
function loginHintOf(hint: Hint): Hint {
  return linesOf(hint).map((line) =>
    typeof line === 'object' && 'command' in line && line.command === 'refresh'
      ? { ...line, command: 'login' }
      : line,
  );
}

function logFailedLogin(
  { log, registry }: LoginParts,
  problem: Problem,
  profile: string,
  params: CredentialLoginParams,
): void {
  const { message, hint } = renderProblem(problem, loginHintProfileOf(registry.current, profile, params));
  log.write('warn', `login failed: ${message}`, { profile });
  for (const line of hint?.split('\n') ?? []) log.write('warn', `hint: ${line}`, { profile });
}
