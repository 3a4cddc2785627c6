/**
 * A credential is bound to the certificates that its verifying exchange trusted: a program of the same user could name a
 * proxy and an authority of its own, and would receive the credential.
 */
import type { CertificateAnchor } from '../config/certificate-files.ts';
import type { Problem } from '../shared/errors.ts';
import { type HttpClient, HttpFailure } from '../shared/http-client.ts';
import type { SourceTools } from '../sources/credential-kind.ts';
import { moveKey, type ProfileRef } from './profile-ref.ts';
import { createLoginRequired } from './profiles/profile-problems.ts';

/** What connections trust now. */
export interface TrustSnapshot {
  readonly anchors: readonly CertificateAnchor[];
  /** Trusts these, and certificates that only root can change. */
  readonly http: HttpClient;
}

export interface TrustSource {
  read(): Promise<TrustSnapshot>;
}

export interface CredentialTrustParts {
  readonly tools: SourceTools;
  readonly trustSource: TrustSource;
  /** Called when the certificates are no longer those of the profile's credential. */
  readonly onChange: (profile: string, problem: Problem) => void;
}

export class CredentialTrust {
  readonly #parts: CredentialTrustParts;
  /** Of the profiles with a credential in memory. */
  readonly #anchors = new Map<string, readonly CertificateAnchor[]>();
  /** The profiles whose credential waits for a login, or for the certificates that it trusted. */
  readonly #rejected = new Set<string>();

  constructor(parts: CredentialTrustParts) {
    this.#parts = parts;
  }

  get rejectedProfiles(): readonly string[] {
    return [...this.#rejected];
  }

  async readAnchors(): Promise<readonly CertificateAnchor[]> {
    return (await this.#parts.trustSource.read()).anchors;
  }

  /** @returns the problem of a credential that trusted `anchors`; `null` if it still may be used */
  async findProblem(anchors: readonly CertificateAnchor[]): Promise<Problem | null> {
    const message = describeChange(anchors, await this.readAnchors());
    return message === null ? null : createLoginRequired(message);
  }

  accept(profile: string, anchors: readonly CertificateAnchor[]): void {
    this.#anchors.set(profile, anchors);
    this.#rejected.delete(profile);
  }

  reject(profile: string): void {
    this.#anchors.delete(profile);
    this.#rejected.add(profile);
  }

  /** After a logout, or for all profiles after a `lock`. */
  forget(profile?: string): void {
    for (const names of [this.#anchors, this.#rejected]) {
      if (profile === undefined) names.clear();
      else names.delete(profile);
    }
  }

  rename(from: string, to: string): void {
    moveKey(this.#anchors, from, to);
    if (this.#rejected.delete(from)) this.#rejected.add(to);
  }

  /** @returns the profiles whose credential was rejected, and may be used again */
  async recheck(): Promise<readonly string[]> {
    for (const profile of [...this.#anchors.keys()]) await this.#check(profile);
    return this.rejectedProfiles;
  }

  /**
   * The tools of a source whose credential trusts `anchors`: a request that would trust others is not sent.
   * @param anchors default: those of the profile's credential
   */
  toolsFor(profile: ProfileRef, anchors = this.#anchors.get(profile.name) ?? []): SourceTools {
    const { tools, trustSource } = this.#parts;
    const http: HttpClient = {
      send: async (request, signal) => {
        // One reading for the check and the request: the files may change in between.
        const snapshot = await trustSource.read();
        const change = describeChange(anchors, snapshot.anchors);
        if (change === null) return snapshot.http.send(request, signal);
        await this.#check(profile.name);
        throw new HttpFailure(change);
      },
    };
    return {
      http,
      clock: tools.clock,
      programs: tools.programs,
      // It sends no credential, whatever the connection trusts.
      probeService: tools.probeService,
      fileDeadline: tools.fileDeadline,
      get timeoutMs() {
        return tools.timeoutMs;
      },
    };
  }

  async #check(profile: string): Promise<void> {
    const anchors = this.#anchors.get(profile);
    const problem = anchors === undefined ? null : await this.findProblem(anchors);
    // A login may have replaced the credential in the meantime.
    if (problem === null || this.#anchors.get(profile) !== anchors) return;
    this.reject(profile);
    this.#parts.onChange(profile, problem);
  }
}

/** `null` if both have the same content; paths may differ. */
function describeChange(
  recorded: readonly CertificateAnchor[],
  current: readonly CertificateAnchor[],
): string | null {
  const added = findMissing(current, recorded);
  const removed = findMissing(recorded, current);
  if (added !== undefined) {
    const isChanged = recorded.some(({ path }) => path === added.path);
    return isChanged
      ? `${added.path} has changed since the login`
      : `${added.path} was not trusted at the login`;
  }
  return removed === undefined
    ? null
    : `${removed.path} was trusted at the login and is no longer configured`;
}

function findMissing(
  anchors: readonly CertificateAnchor[],
  others: readonly CertificateAnchor[],
): CertificateAnchor | undefined {
  return anchors.find(({ sha256 }) => !others.some((other) => other.sha256 === sha256));
}
