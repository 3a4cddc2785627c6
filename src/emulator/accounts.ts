/** Whom the service knows: people, authorized keys, and who may speak for a service account. */
import { createHash } from 'node:crypto';
import * as v from 'valibot';
import { type Refusal, refusal, rpcCode } from './reply.ts';

/** A person with a Yandex account, known by an OAuth token. */
export interface OauthAccount {
  readonly token: string;
  /** 20 characters of `[a-z0-9]`; made from the token unless given. */
  readonly subject?: string;
  /** Why IAM gives this account no IAM token; nothing stands in the way unless given. */
  readonly refusal?: keyof typeof refusals;
}

/** Word for word as IAM says it. */
const refusals = {
  made_since_june_2026: (subject: string) =>
    refusal(
      rpcCode.invalidArgument,
      `OAuth token for user '${subject}', issued after '2026-06-01', is not supported for IAM token exchange`,
    ),
  no_cloud: () => refusal(rpcCode.unauthenticated, 'User does not registered in Yandex.cloud'),
  no_agreement: () =>
    refusal(
      rpcCode.unauthenticated,
      'User has to accept the End User License Agreement and Privacy Policy to get an IAM token',
    ),
} satisfies Readonly<Record<string, (subject: string) => Refusal>>;

/**
 * The subject of whoever has that OAuth token.
 * @throws Refusal
 */
export function admitted(account: OauthAccount | undefined): string {
  if (account === undefined) throw refusal(rpcCode.unauthenticated, 'OAuth token is invalid or expired');
  const subject = account.subject ?? subjectFor(account.token);
  if (account.refusal !== undefined) throw refusals[account.refusal](subject);
  return subject;
}

/** The same for the same token, and nothing that the token could be found by. */
function subjectFor(token: string): string {
  const digest = createHash('sha256').update(token).digest('hex');
  return `aje${BigInt(`0x${digest}`).toString(36).slice(0, 17)}`;
}

/** The public half of an authorized key, as IAM keeps it. */
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

/** The public half of what `yc iam key create` writes; `null` for anything else. */
export function readAuthorizedKey(text: string): AuthorizedKey | null {
  const parsed = v.safeParse(keyFileSchema, text);
  if (!parsed.success) return null;
  const { id, service_account_id: serviceAccountId, public_key: publicKey } = parsed.output;
  return { id, serviceAccountId, publicKey };
}

/** Whom a workload identity federation trusts, and for which service account. */
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
