import * as v from 'valibot';

/** The public half of an authorized key, as IAM keeps it. */
export interface AuthorizedKey {
  readonly id: string;
  readonly serviceAccountId: string;
  /** SubjectPublicKeyInfo in PEM. */
  readonly publicKey: string;
}

/** What IAM knows of service accounts: their keys, who may act as them, and which one this "VM" has. */
export interface ServiceAccounts {
  allowKey(key: AuthorizedKey): void;
  deleteKey(id: string): void;
  keyNamed(id: string): AuthorizedKey | undefined;
  /** Gives `subject` the role iam.serviceAccounts.tokenCreator. */
  allowActingAs(subject: string, serviceAccountId: string): void;
  mayActAs(subject: string, serviceAccountId: string): boolean;
  /** @param serviceAccountId `null` takes it away from the VM */
  attach(serviceAccountId: string | null): void;
  attached(): string | null;
}

const fileSchema = v.pipe(
  v.string(),
  v.parseJson(),
  v.object({ id: v.string(), service_account_id: v.string(), public_key: v.string() }),
);

/** The public half of what `yc iam key create` writes; `null` for anything else. */
export function readAuthorizedKey(text: string): AuthorizedKey | null {
  const parsed = v.safeParse(fileSchema, text);
  if (!parsed.success) return null;
  const { id, service_account_id: serviceAccountId, public_key: publicKey } = parsed.output;
  return { id, serviceAccountId, publicKey };
}

export function serviceAccounts(known: readonly AuthorizedKey[]): ServiceAccounts {
  const keys = new Map(known.map((key) => [key.id, key]));
  const actors = new Map<string, Set<string>>();
  let attached: string | null = null;
  return {
    allowKey: (key) => void keys.set(key.id, key),
    deleteKey: (id) => void keys.delete(id),
    keyNamed: (id) => keys.get(id),
    allowActingAs(subject, serviceAccountId) {
      actors.set(serviceAccountId, new Set([...(actors.get(serviceAccountId) ?? []), subject]));
    },
    mayActAs: (subject, serviceAccountId) => actors.get(serviceAccountId)?.has(subject) === true,
    attach: (serviceAccountId) => void (attached = serviceAccountId),
    attached: () => attached,
  };
}
