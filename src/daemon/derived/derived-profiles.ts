import { type Problem, problemOf } from '../../shared/errors.ts';
import type { Secret } from '../../shared/secret.ts';
import type { Installation } from '../../sources/credential-kind.ts';
import { createAwsKeySource, createImpersonatedSource } from '../../sources/derived-sources.ts';
import type { AwsKeys } from '../../sources/exchange/aws-keys.ts';
import type { ExchangeOutcome, IamTokenSource } from '../../token/token-source.ts';
import type { CredentialTrust } from '../credential-trust.ts';
import { ProfilePool, type ProfilePoolParts } from './profile-pool.ts';
import type { Profile } from '../profiles/profile.ts';
import { DerivedBudget, type LimitedUser } from './derived-budget.ts';

/**
 * What the IAM tokens of a profile are exchanged for: IAM tokens of service accounts that single calls impersonate, and
 * AWS keys. Each has a lifecycle of its own.
 */
export class DerivedProfiles {
  readonly #trust: CredentialTrust;
  readonly #impersonations: ProfilePool<Secret>;
  readonly #awsKeys: ProfilePool<AwsKeys>;

  constructor(parts: ProfilePoolParts & { readonly trust: CredentialTrust }) {
    this.#trust = parts.trust;
    const budget = new DerivedBudget(parts.clock);
    this.#impersonations = new ProfilePool(parts, budget);
    this.#awsKeys = new ProfilePool(parts, budget);
  }

  /** @throws IamTokenError `unavailable` if the hourly limit is reached; `too_busy` if there are too many accounts */
  getImpersonated(
    base: Profile,
    serviceAccountId: string,
    user: LimitedUser,
    installation: Installation,
  ): Profile {
    return this.#impersonations.getOrStart(base, serviceAccountId, user, () =>
      createImpersonatedSource(
        createProfileSource(base),
        serviceAccountId,
        installation,
        this.#trust.toolsFor(base),
      ),
    );
  }

  /** @throws IamTokenError as `getImpersonated` does */
  getAwsKeys(base: Profile, user: LimitedUser, installation: Installation): Profile<AwsKeys> {
    return this.#awsKeys.getOrStart(base, 'keys', user, () =>
      createAwsKeySource(createProfileSource(base), installation, this.#trust.toolsFor(base)),
    );
  }

  listImpersonated(base: Profile): readonly Profile[] {
    return this.#impersonations.list(base);
  }

  listAwsKeys(base: Profile): readonly Profile<AwsKeys>[] {
    return this.#awsKeys.list(base);
  }

  /** After a login or logout of the base profile. */
  removeAll(base: Profile, problem: Problem): void {
    this.#impersonations.removeAll(base, problem);
    this.#awsKeys.removeAll(base, problem);
  }

  /** Lets the next request try again: a missing role may be granted by now. */
  removeFailed(base: Profile): void {
    this.#impersonations.removeFailed(base);
    this.#awsKeys.removeFailed(base);
  }

  stop(): void {
    this.#impersonations.stop();
    this.#awsKeys.stop();
  }
}

/** The IAM tokens of a profile, through its own lifecycle: a valid token causes no exchange. */
function createProfileSource(base: Profile): IamTokenSource {
  return {
    probe: async () => {
      if (base.getValidToken(0) !== null) return base.probe();
      // Without its token an answer would not help; the rejected request lets the profile look itself.
      base.rejectRequest(0);
      return null;
    },
    exchange: async (signal) => {
      try {
        const { value, expiresAtMs, subject } = await base.requestToken(0, signal);
        return { ok: true, issuedToken: { value, expiresAtMs, subject } };
      } catch (error) {
        if (!signal.aborted) return failedOutcome(problemOf(error));
        return { ok: false, failure: { kind: 'transient', message: 'the request was cancelled' } };
      }
    },
  };
}

function failedOutcome(problem: Problem): ExchangeOutcome<never> {
  const kind = problem.code === 'login_required' ? 'interaction_required' : 'transient';
  return { ok: false, failure: { kind, ...problem } };
}
