const redacted = '[redacted]';

/**
 * A string that does not show itself: not in a template, in JSON, in `util.inspect` or in a log line.
 * `expose()` gives it up; `test/house/secret-exposure.test.ts` lists who may call that, each with a reason.
 */
export class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  expose(): string {
    return this.#value;
  }

  equals(other: Secret): boolean {
    return this.#value === other.#value;
  }

  toString(): string {
    return redacted;
  }

  toJSON(): string {
    return redacted;
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return redacted;
  }
}
