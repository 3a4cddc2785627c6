import type { Clock } from '../../src/shared/clock.ts';
import {
  type AccountDescription,
  authenticateOauthAccount,
  type AuthorizedKey,
  type Federation,
  type OauthAccount,
} from './accounts.ts';
import { type NormalizedFault, type Fault, parseFaultSettings } from './faults.ts';
import { type KeyDetails, KeyRegistry } from './key-registry.ts';
import { mintToken, formatNanosecondTimestamp } from './mint-token.ts';

export interface IamServiceOptions {
  readonly clock: Clock;
  /** Accounts whose OAuth tokens are accepted; none unless given. */
  readonly oauthAccounts?: readonly OauthAccount[];
  /** Keys whose JWTs are accepted; none unless given. */
  readonly keys?: readonly AuthorizedKey[];
  /** Lifetime of a new token in milliseconds; 12 hours unless given. */
  readonly lifetimeMs?: number;
}

/** A request without its headers and its body. */
export interface LoggedRequest {
  /** By the clock of the service, RFC 3339. */
  readonly at: string;
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  /** Of the intended response; `null` if a fault suppressed it. */
  readonly status: number | null;
  /** The kind of the fault that was served instead. */
  readonly fault: string | null;
}

interface IssuedToken {
  readonly subject: string;
  readonly expiresAtMs: number;
  readonly keyId: string | undefined;
}

const maxLoggedRequests = 1_000;

/** The state of the service. Changes apply from the next request on. */
export abstract class IamService {
  abstract readonly url: string;
  /** Lifetime of a new token in milliseconds. */
  lifetimeMs: number;
  /** How far the clock of the service is ahead, in milliseconds: of `Date` and of every expiry. */
  clockOffsetMs = 0;

  readonly #clock: Clock;
  readonly #accounts: Map<string, OauthAccount>;
  readonly keys: KeyRegistry;
  readonly #impersonationGrants = new Set<string>();
  readonly #accountDescriptions = new Map<string, AccountDescription>();
  federations: readonly Federation[] = [];
  /** The service account that is attached to the VM of the metadata service. */
  attachedServiceAccountId: string | null = null;
  readonly #tokens = new Map<string, IssuedToken>();
  #fault: NormalizedFault | null = null;
  #remainingFaults = 0;
  #faultyRoute: string | null = null;
  readonly #requests: LoggedRequest[] = [];
  readonly #requestCounts = new Map<string, number>();

  constructor({ clock, oauthAccounts = [], keys = [], lifetimeMs = 12 * 60 * 60_000 }: IamServiceOptions) {
    this.#clock = clock;
    this.#accounts = new Map(oauthAccounts.map((account) => [account.token, account]));
    this.keys = new KeyRegistry(() => this.nowMs());
    for (const key of keys) this.keys.add(key);
    this.lifetimeMs = lifetimeMs;
  }

  /** The clock of the service, in milliseconds since the epoch. */
  nowMs(): number {
    return this.#clock.now().wallMs + this.clockOffsetMs;
  }

  allowOauthToken(account: OauthAccount): void {
    this.#accounts.set(account.token, account);
  }

  /** Its IAM tokens stay valid, as with the real service. */
  revokeOauthToken(token: string): void {
    this.#accounts.delete(token);
  }

  /** @throws RouteError */
  authenticateOauthToken(token: string): string {
    return authenticateOauthAccount(this.#accounts.get(token));
  }

  /** Accepts JWTs that this key signed. */
  allowKey(key: AuthorizedKey, details?: KeyDetails): void {
    this.keys.add(key, details);
  }

  /** Its IAM tokens end too. */
  deleteKey(id: string): void {
    this.keys.delete(id);
  }

  /** Grants `subject` the role iam.serviceAccounts.tokenCreator for the service account. */
  allowImpersonation(subject: string, serviceAccountId: string): void {
    this.#impersonationGrants.add(`${subject} ${serviceAccountId}`);
  }

  canImpersonate(subject: string, serviceAccountId: string): boolean {
    return this.#impersonationGrants.has(`${subject} ${serviceAccountId}`);
  }

  /** Every account may read it. An account without a description cannot be read. */
  describeAccount(id: string, description: AccountDescription): void {
    this.#accountDescriptions.set(id, description);
  }

  findAccountDescription(id: string): AccountDescription | undefined {
    return this.#accountDescriptions.get(id);
  }

  /** @param serviceAccountId `null` detaches the account from the VM */
  attachServiceAccount(serviceAccountId: string | null): void {
    this.attachedServiceAccountId = serviceAccountId;
  }

  /** Accepts OIDC tokens of its issuer. */
  addFederation(federation: Federation): void {
    this.federations = [...this.federations, federation];
  }

  removeFederation(issuer: string): void {
    this.federations = this.federations.filter((federation) => federation.issuer !== issuer);
  }

  /**
   * Issues an IAM token; `expiresAt` has the format of IAM.
   * @param keyId of the authorized key that the token ends with, if there is one
   */
  issueToken(subject: string, keyId?: string): { token: string; expiresAtMs: number; expiresAt: string } {
    const token = mintToken(subject);
    const expiresAtMs = Math.floor(this.nowMs() + this.lifetimeMs);
    this.#tokens.set(token, { subject, expiresAtMs, keyId });
    return { token, expiresAtMs, expiresAt: formatNanosecondTimestamp(expiresAtMs) };
  }

  /** `null` if the token is not valid. */
  subjectOfValidToken(token: string): string | null {
    const issued = this.#tokens.get(token);
    if (issued === undefined || issued.expiresAtMs <= this.nowMs()) return null;
    return issued.keyId === undefined || this.keys.has(issued.keyId) ? issued.subject : null;
  }

  revokeIamToken(token: string): void {
    this.#tokens.delete(token);
  }

  /**
   * @param count the number of affected requests; all until `null` switches the fault off, unless given
   * @param route such as `POST /iam/v1/keys`; all routes unless given
   * @throws TypeError
   */
  setFault(fault: Fault | null, count?: number, route: string | null = null): void {
    this.#faultyRoute = route;
    const faultSettings = parseFaultSettings({ fault, count });
    this.#fault = faultSettings.fault;
    this.#remainingFaults = faultSettings.count;
  }

  /** Whether the fault is for this route. */
  isFaulty(route: string): boolean {
    return this.#faultyRoute === null || this.#faultyRoute === route;
  }

  /** The fault for the current request. */
  consumeFault(): NormalizedFault | null {
    this.#remainingFaults -= 1;
    return this.#remainingFaults >= 0 ? this.#fault : null;
  }

  /** Without counting a request. */
  get currentFault(): NormalizedFault | null {
    return this.#remainingFaults > 0 ? this.#fault : null;
  }

  logRequest(request: LoggedRequest): void {
    this.#requests.push(request);
    if (this.#requests.length > maxLoggedRequests) this.#requests.shift();
    const key = `${request.method} ${request.path}`;
    this.#requestCounts.set(key, this.countRequests(key) + 1);
  }

  /** The newest 1,000 requests, oldest first. */
  listRequests(): readonly LoggedRequest[] {
    return [...this.#requests];
  }

  /** @param route such as `POST /iam/v1/tokens` */
  countRequests(route: string): number {
    return this.#requestCounts.get(route) ?? 0;
  }

  countRequestsByRoute(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#requestCounts);
  }
}
