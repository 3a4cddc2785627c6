/** An authorized key as IAM lists it, without its private part. */
export interface ListedKey {
  readonly id: string;
  readonly serviceAccountId: string;
  readonly description: string;
  /** Milliseconds since the epoch; absent if IAM did not say. */
  readonly createdAtMs?: number;
  /** When IAM last accepted the key; absent if it did not say. */
  readonly lastUsedAtMs?: number;
}
