/** What a thrown thing says, whatever it is. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}

/** What the system or Node calls an error, such as `ENOENT`. */
export function systemCodeOf(thrown: unknown): string | undefined {
  return thrown instanceof Error && 'code' in thrown ? String(thrown.code) : undefined;
}

/** Why the system refuses the use of a place; Node says it in terms of the system. */
const refusals: Readonly<Record<string, string>> = {
  EACCES: 'you may not; see who may: ls -ld',
  EPERM: 'you may not; see who may: ls -ld',
  EROFS: 'nothing can be written there',
  ENOSPC: 'there is no room',
  ENOTDIR: 'a part of this path is no folder',
  EEXIST: 'something else lies there',
};

/** Why something failed, without the place where the system says so. */
export function reasonOf(thrown: unknown): string {
  return refusals[systemCodeOf(thrown) ?? ''] ?? messageOf(thrown);
}

/** What a person is told of a thrown thing that nobody foresaw. */
export function sentenceOf(thrown: unknown): string {
  const reason = reasonOf(thrown);
  const isAtPlace = thrown instanceof Error && 'path' in thrown && reason !== thrown.message;
  return isAtPlace ? `${String(thrown.path)} cannot be used: ${reason}` : messageOf(thrown);
}
