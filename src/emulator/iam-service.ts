import type { Clock } from '../shared/clock.ts';
import { admitted, type AuthorizedKey, type Federation, type OauthAccount } from './accounts.ts';
import { type ExactFault, type Fault, readFaultSwitch } from './faults.ts';
import { mintedToken, nanosecondTimestamp } from './token-mint.ts';

export interface ServiceOptions {
  readonly clock: Clock;
  /** Whose OAuth tokens are known; nobody's unless given. */
  readonly oauthAccounts?: readonly OauthAccount[];
  /** Whose JWTs are taken; nobody's unless given. */
  readonly keys?: readonly AuthorizedKey[];
  /** Of a new token, in milliseconds; 12 hours unless given. */
  readonly lifetimeMs?: number;
}

/** A call as it came: who asked for what, and never a header's or a body's content. */
export interface LoggedCall {
  /** By the service's own clock, RFC 3339. */
  readonly at: string;
  readonly method: string;
  /** Without what follows `?`. */
  readonly path: string;
  /** Of the answer as meant; `null` where a fault left none. */
  readonly status: number | null;
  /** Kind of the fault that was served instead. */
  readonly fault: string | null;
}

const loggedCalls = 1_000;

/** The service behind the routes: everything that it remembers. What is set applies from the next call on. */
export abstract class IamService {
  abstract readonly url: string;
  /** Of a new token, in milliseconds. */
  lifetimeMs: number;
  /** How far the service's clock is ahead of ours, in milliseconds: its `Date` and all that it dates. */
  clockOffsetMs = 0;

  readonly #clock: Clock;
  readonly #accounts: Map<string, OauthAccount>;
  readonly #keys: Map<string, AuthorizedKey>;
  readonly #actors = new Set<string>();
  federations: readonly Federation[] = [];
  /** Of the VM whose metadata service this is, too. */
  attachedServiceAccount: string | null = null;
  readonly #tokens = new Map<string, { readonly subject: string; readonly expiresAtMs: number }>();
  #fault: ExactFault | null = null;
  #faultsLeft = 0;
  readonly #calls: LoggedCall[] = [];
  readonly #counts = new Map<string, number>();

  constructor({ clock, oauthAccounts = [], keys = [], lifetimeMs = 12 * 60 * 60_000 }: ServiceOptions) {
    this.#clock = clock;
    this.#accounts = new Map(oauthAccounts.map((account) => [account.token, account]));
    this.#keys = new Map(keys.map((key) => [key.id, key]));
    this.lifetimeMs = lifetimeMs;
  }

  /** Its own clock, in milliseconds since the epoch. */
  nowMs(): number {
    return this.#clock.now().wallMs + this.clockOffsetMs;
  }

  allowOauthToken(account: OauthAccount): void {
    this.#accounts.set(account.token, account);
  }

  /** It is unknown from now on; the IAM tokens made from it stay, as with the real one. */
  revokeOauthToken(token: string): void {
    this.#accounts.delete(token);
  }

  /** @throws Refusal */
  subjectOfOauthToken(token: string): string {
    return admitted(this.#accounts.get(token));
  }

  /** IAM takes JWTs that this key signed. */
  allowKey(key: AuthorizedKey): void {
    this.#keys.set(key.id, key);
  }

  deleteKey(id: string): void {
    this.#keys.delete(id);
  }

  keyNamed(id: unknown): AuthorizedKey | undefined {
    return typeof id === 'string' ? this.#keys.get(id) : undefined;
  }

  /** Gives `subject` the role iam.serviceAccounts.tokenCreator, by which it may have tokens of the service account. */
  allowActingAs(subject: string, serviceAccountId: string): void {
    this.#actors.add(`${subject} ${serviceAccountId}`);
  }

  mayActAs(subject: string, serviceAccountId: string): boolean {
    return this.#actors.has(`${subject} ${serviceAccountId}`);
  }

  /** @param serviceAccountId `null` takes it away from the VM */
  attachServiceAccount(serviceAccountId: string | null): void {
    this.attachedServiceAccount = serviceAccountId;
  }

  /** OIDC tokens of that issuer are exchanged from now on. */
  trust(federation: Federation): void {
    this.federations = [...this.federations, federation];
  }

  distrust(issuer: string): void {
    this.federations = this.federations.filter((federation) => federation.issuer !== issuer);
  }

  /** A new IAM token for that account; `expiresAt` is as IAM writes it. */
  issue(subject: string): { token: string; expiresAtMs: number; expiresAt: string } {
    const token = mintedToken(subject);
    const expiresAtMs = Math.floor(this.nowMs() + this.lifetimeMs);
    this.#tokens.set(token, { subject, expiresAtMs });
    return { token, expiresAtMs, expiresAt: nanosecondTimestamp(expiresAtMs) };
  }

  /** `null` unless it is alive. */
  subjectOf(token: string): string | null {
    const issued = this.#tokens.get(token);
    return issued !== undefined && issued.expiresAtMs > this.nowMs() ? issued.subject : null;
  }

  revokeIamToken(token: string): void {
    this.#tokens.delete(token);
  }

  /**
   * @param count so many calls meet the fault; all unless given, until `null` switches it off
   * @throws TypeError
   */
  setFault(fault: Fault | null, count?: number): void {
    const wanted = readFaultSwitch({ fault, count });
    this.#fault = wanted.fault;
    this.#faultsLeft = wanted.count;
  }

  /** The fault for the call that comes now. */
  nextFault(): ExactFault | null {
    this.#faultsLeft -= 1;
    return this.#faultsLeft >= 0 ? this.#fault : null;
  }

  log(call: LoggedCall): void {
    this.#calls.push(call);
    if (this.#calls.length > loggedCalls) this.#calls.shift();
    const key = `${call.method} ${call.path}`;
    this.#counts.set(key, this.count(key) + 1);
  }

  /** The newest 1,000, oldest first. */
  calls(): readonly LoggedCall[] {
    return [...this.#calls];
  }

  /** How many calls ever came, as `POST /iam/v1/tokens`. */
  count(call: string): number {
    return this.#counts.get(call) ?? 0;
  }

  counts(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#counts);
  }
}
