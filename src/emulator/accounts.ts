import { createHash } from 'node:crypto';
import { type Reply, rpcCode, rpcStatus } from './reply.ts';

/** A person with a Yandex account, known by an OAuth token. */
export interface OauthAccount {
  readonly token: string;
  /** 20 characters of `[a-z0-9]`; made from the token unless given. */
  readonly subject?: string;
  /** Why IAM gives this account no IAM token; nothing stands in the way unless given. */
  readonly refusal?: Refusal;
}

export type Refusal = 'made_since_june_2026' | 'no_cloud' | 'no_agreement';

export type Admission =
  { readonly ok: true; readonly subject: string } | { readonly ok: false; readonly reply: Reply };

/** Who may have an IAM token for which OAuth token. */
export interface Accounts {
  allow(account: OauthAccount): void;
  revoke(token: string): void;
  admit(token: string): Admission;
}

export function accounts(known: readonly OauthAccount[]): Accounts {
  const byToken = new Map(known.map((account) => [account.token, account]));
  return {
    allow: (account) => void byToken.set(account.token, account),
    revoke: (token) => void byToken.delete(token),
    admit(token) {
      const account = byToken.get(token);
      if (account === undefined) {
        return { ok: false, reply: rpcStatus(rpcCode.unauthenticated, 'OAuth token is invalid or expired') };
      }
      const subject = account.subject ?? subjectFor(token);
      return account.refusal === undefined
        ? { ok: true, subject }
        : { ok: false, reply: refused(account.refusal, subject) };
    },
  };
}

/** Word for word as IAM says it. */
function refused(refusal: Refusal, subject: string): Reply {
  switch (refusal) {
    case 'made_since_june_2026':
      return rpcStatus(
        rpcCode.invalidArgument,
        `OAuth token for user '${subject}', issued after '2026-06-01', is not supported for IAM token exchange`,
      );
    case 'no_cloud':
      return rpcStatus(rpcCode.unauthenticated, 'User does not registered in Yandex.cloud');
    case 'no_agreement':
      return rpcStatus(
        rpcCode.unauthenticated,
        'User has to accept the End User License Agreement and Privacy Policy to get an IAM token',
      );
    default:
      return refusal satisfies never;
  }
}

/** The same for the same token, and nothing that the token could be found by. */
function subjectFor(token: string): string {
  const digest = createHash('sha256').update(token).digest('hex');
  return `aje${BigInt(`0x${digest}`).toString(36).slice(0, 17)}`;
}
