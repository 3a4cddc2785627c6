/** Whom a workload identity federation of the emulator trusts, and for which service account. */
export interface Federation {
  /** `iss` of the OIDC tokens. */
  readonly issuer: string;
  /** One of their `aud`. */
  readonly audience: string;
  /** The issuer's key, SubjectPublicKeyInfo in PEM; it signs by RS256. */
  readonly publicKey: string;
  /** `sub` of the tokens that may speak for the account. */
  readonly externalSubject: string;
  readonly serviceAccountId: string;
}

export interface Federations {
  trust(federation: Federation): void;
  distrust(issuer: string): void;
  /** Those of an issuer for an account. */
  of(issuer: unknown, serviceAccountId: string): readonly Federation[];
}

export function federations(): Federations {
  let known: readonly Federation[] = [];
  return {
    trust: (federation) => void (known = [...known, federation]),
    distrust: (issuer) => void (known = known.filter((federation) => federation.issuer !== issuer)),
    of: (issuer, serviceAccountId) =>
      known.filter(
        (federation) => federation.issuer === issuer && federation.serviceAccountId === serviceAccountId,
      ),
  };
}
