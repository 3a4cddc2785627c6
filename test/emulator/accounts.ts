/** Accounts of the service: users, authorized keys and federations. */
import { createHash } from 'node:crypto';
import * as v from 'valibot';
import { type RouteError, rpcError, rpcCode } from './route-response.ts';

/** A user with a Yandex account, identified by an OAuth token. */
export interface OauthAccount {
  readonly token: string;
  /** 20 characters of `[a-z0-9]`; derived from the token unless given. */
  readonly subject?: string;
  /** Why IAM rejects this account; it is accepted unless given. */
  readonly rejectionReason?: keyof typeof errorByRejectionReason;
}

/** The exact messages of IAM. */
const errorByRejectionReason = {
  made_since_june_2026: (subject: string) =>
    rpcError(
      rpcCode.invalidArgument,
      `OAuth token for user '${subject}', issued after '2026-06-01', is not supported for IAM token exchange`,
    ),
  no_cloud: () => rpcError(rpcCode.unauthenticated, 'User does not registered in Yandex.cloud'),
  no_agreement: () =>
    rpcError(
      rpcCode.unauthenticated,
      'User has to accept the End User License Agreement and Privacy Policy to get an IAM token',
    ),
} satisfies Readonly<Record<string, (subject: string) => RouteError>>;

/**
 * The subject of the account.
 * @throws RouteError
 */
export function authenticateOauthAccount(account: OauthAccount | undefined): string {
  if (account === undefined) throw rpcError(rpcCode.unauthenticated, 'OAuth token is invalid or expired');
  const subject = account.subject ?? deriveSubject(account.token);
  if (account.rejectionReason !== undefined) throw errorByRejectionReason[account.rejectionReason](subject);
  return subject;
}

/** Stable for a token, and does not reveal it. */
function deriveSubject(token: string): string {
  const digest = createHash('sha256').update(token).digest('hex');
  return `aje${BigInt(`0x${digest}`).toString(36).slice(0, 17)}`;
}

/** The public part of an authorized key. */
export interface AuthorizedKey {
  readonly id: string;
  readonly serviceAccountId: string;
  /** SubjectPublicKeyInfo in PEM. */
  readonly publicKey: string;
}

const keyFileSchema = v.pipe(
  v.string(),
  v.parseJson(),
  v.object({ id: v.string(), service_account_id: v.string(), public_key: v.string() }),
);

/** The public part of a file of `yc iam key create`; `null` for anything else. */
export function parseAuthorizedKey(text: string): AuthorizedKey | null {
  const parsed = v.safeParse(keyFileSchema, text);
  if (!parsed.success) return null;
  const { id, service_account_id: serviceAccountId, public_key: publicKey } = parsed.output;
  return { id, serviceAccountId, publicKey };
}

/** A workload identity federation with one federated credential. */
export interface Federation {
  /** `iss` of the OIDC tokens. */
  readonly issuer: string;
  /** One of their `aud`. */
  readonly audience: string;
  /** The key of the issuer for RS256, SubjectPublicKeyInfo in PEM. */
  readonly publicKey: string;
  /** `sub` of the tokens that are exchanged for the service account. */
  readonly externalSubject: string;
  readonly serviceAccountId: string;
}

/** What the service tells of an account, besides its id. */
export type AccountDescription =
  | { readonly name: string }
  | { readonly yandexPassportUserAccount: { readonly login: string; readonly defaultEmail: string } }
  | { readonly samlUserAccount: { readonly federationId: string; readonly nameId: string } };

export type AccountType = 'serviceAccount' | 'userAccount';

export function accountTypeOf(description: AccountDescription): AccountType {
  return 'name' in description ? 'serviceAccount' : 'userAccount';
}
