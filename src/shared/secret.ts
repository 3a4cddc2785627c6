const redactedText = '[redacted]';

/**
 * A string that cannot leak by accident: templates, JSON, `util.inspect` and log lines show `[redacted]`.
 * `expose()` returns it; `test/conventions/secret-exposure.test.ts` lists the permitted callers, each with a reason.
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
    return redactedText;
  }

  toJSON(): string {
    return redactedText;
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return redactedText;
  }
}
