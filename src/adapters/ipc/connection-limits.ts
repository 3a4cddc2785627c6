/** Each takes a file descriptor, and memory while its requests wait. */
export const maxConnections = 10_000;
/** The rest is reserved for the daemon's own user and root. */
const maxConnectionsOfOthers = 8_000;
const maxConnectionsPerOtherUser = 1_000;

/** Counts the open connections of each user but the daemon's own and root, so that no user takes those of another. */
export class ConnectionLimits {
  readonly #others = new Map<string, number>();
  #othersCount = 0;

  /**
   * @param key of a user that is not privileged
   * @returns why there is no room for one more; `null`: it counts until `release`
   */
  admit(key: string): string | null {
    const count = this.#others.get(key) ?? 0;
    if (count >= maxConnectionsPerOtherUser) return `its user has ${maxConnectionsPerOtherUser} connections`;
    if (this.#othersCount >= maxConnectionsOfOthers)
      return `other users have ${maxConnectionsOfOthers} connections`;
    this.#others.set(key, count + 1);
    this.#othersCount += 1;
    return null;
  }

  release(key: string): void {
    const count = this.#others.get(key) ?? 0;
    if (count > 1) this.#others.set(key, count - 1);
    else this.#others.delete(key);
    this.#othersCount -= 1;
  }
}
