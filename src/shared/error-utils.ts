/** The message of a thrown value, which may not be an error. */
export function errorMessage(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The code of a system or Node error, such as `ENOENT`. */
export function errorCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error ? String(error.code) : undefined;
}

/** The meaning of system error codes for a path. */
const systemErrorReasons: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  EROFS: 'the file system is read-only',
  ENOSPC: 'no space left',
  // libuv has no name for EDQUOT of Linux.
  'Unknown system error -122': 'the disk quota is exceeded',
  ENOENT: 'no such file or folder',
  ENOTDIR: 'a part of the path is not a folder',
  EISDIR: 'it is a folder',
  EEXIST: 'it already exists',
};

/** Why a system call failed, without its path. */
export function errorReason(error: unknown): string {
  return (
    systemErrorReasons[errorCode(error) ?? ''] ??
    errorMessage(error).replace(/^E[A-Z0-9]+: ([^,]*), .*/s, '$1')
  );
}

/** The message of an unexpected error. */
export function userMessage(error: unknown): string {
  const isPathError =
    error instanceof Error && 'path' in error && (errorCode(error) ?? '') in systemErrorReasons;
  return isPathError ? `cannot use ${String(error.path)}: ${errorReason(error)}` : errorMessage(error);
}
