/** The fields of `fs.Stats` that determine who can access a file. */
export interface FileAccess {
  readonly uid: number;
  readonly mode: number;
}

/** Permission bits of group and others. */
export const permissions = { any: 0o077, write: 0o022 } as const;

/** Of a folder in which only the owner of a file can rename or remove it. */
export const stickyBit = 0o1000;

export interface AccessViolation {
  readonly kind: 'owner' | 'permissions';
  readonly message: string;
}

/**
 * @param label the file or folder, as the message names it
 * @param owners uids that may own it
 * @param forbiddenAccess the access that other users must not have
 */
export function findAccessViolation(
  label: string,
  { uid, mode }: FileAccess,
  owners: readonly (number | undefined)[],
  forbiddenAccess: keyof typeof permissions,
): AccessViolation | null {
  if (!owners.includes(uid)) {
    return { kind: 'owner', message: `${label} belongs to another user (uid ${uid})` };
  }
  if ((mode & permissions[forbiddenAccess]) === 0) return null;
  const access = forbiddenAccess === 'write' ? 'writable by' : 'accessible to';
  const octal = (mode & 0o7777).toString(8).padStart(4, '0');
  return { kind: 'permissions', message: `${label} is ${access} other users (mode ${octal})` };
}
