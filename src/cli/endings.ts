/** How a command ends early; `run.ts` makes an exit code of each. */

/** The command line is wrong. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
  readonly hint: string | undefined;

  constructor(message: string, hint?: string) {
    super(message);
    this.hint = hint;
  }
}

/** The person at the keyboard pressed Ctrl-C. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted';
}

/** Whoever read our output went away. */
export class OutputClosed extends Error {
  override readonly name = 'OutputClosed';
}
