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

export function serviceAccounts(): ServiceAccounts {
  const keys = new Map<string, AuthorizedKey>();
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
