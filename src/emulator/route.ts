import type { IncomingHttpHeaders } from 'node:http';
import type { Accounts } from './accounts.ts';
import type { CallLog } from './call-log.ts';
import type { Faults } from './faults.ts';
import type { Federations } from './federations.ts';
import type { Reply } from './reply.ts';
import type { ServiceAccounts } from './service-accounts.ts';
import type { MintedToken, TokenMint } from './token-mint.ts';

export interface Call {
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** The service behind the routes: everything that it remembers. */
export interface Service {
  /** Its own clock, in milliseconds since the epoch. */
  nowMs(): number;
  /** What a JWT for this service has as `aud`. */
  audience(): string;
  readonly accounts: Accounts;
  readonly serviceAccounts: ServiceAccounts;
  readonly federations: Federations;
  readonly mint: TokenMint;
  /** A living IAM token for that account: a new one, or the last where the service is set to give it again. */
  issue(subject: string): MintedToken;
  revoke(token: string): void;
  readonly faults: Faults;
  readonly log: CallLog;
}

/** One address of the service: a file of its own, and a row in `routes.ts`. */
export interface Route {
  readonly method: 'GET' | 'POST' | 'PUT';
  readonly path: string;
  /** A fault that is switched on does not show here. */
  readonly isSpared?: true;
  /** The emulator's own control is not part of what is logged. */
  readonly isUnlogged?: true;
  answer(call: Call, service: Service): Reply;
}
