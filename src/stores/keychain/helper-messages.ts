/** The messages between the daemon and its keychain helper, over the IPC channel of `fork`. */
import { errorCodes, type Problem } from '../../shared/errors.ts';
import { hintCommands } from '../../shared/hint.ts';

/** What `unlock` prepares: `remove` needs only the collection of an item, `write` the default one for a new item. */
export type Purpose = (typeof purposes)[number];
const purposes = ['read', 'write', 'remove'] as const;

export interface UnlockItems {
  /** Of the items whose collections are opened. */
  readonly keys: readonly string[];
  /** Of the items to which access is requested; they may be absent. */
  readonly accessKeys: readonly string[];
  readonly purpose: Purpose;
}

export type HelperRequest =
  /**
   * Fails with the problem when the keychain is not open for these items. The value of the response is the name of a
   * service that may ask the user before each write, else `null`.
   */
  | { readonly op: 'state'; readonly keys: readonly string[] }
  /** Opens the keychain for these items, with a prompt if necessary. */
  | ({ readonly op: 'unlock' } & UnlockItems)
  | { readonly op: 'read'; readonly key: string }
  /** `isInteractive`: prompts may open. */
  | { readonly op: 'remove'; readonly key: string; readonly isInteractive: boolean }
  | {
      readonly op: 'write';
      readonly key: string;
      readonly value: string;
      readonly isInteractive: boolean;
    };

export type NumberedRequest = HelperRequest & { readonly id: number };

export type HelperResponse =
  /** `value` of `read` and `state`; `null` when there is no such item, and for the other requests. */
  | { readonly id: number; readonly ok: true; readonly value: string | null }
  /** `restartHelper`: this helper cannot recover, and a new one may. */
  | { readonly id: number; readonly ok: false; readonly problem: Problem; readonly restartHelper: boolean };

type Fields = Readonly<Record<string, unknown>>;

/** `null` for an invalid message: daemon and helper may be of different releases. */
export function parseHelperRequest(message: unknown): NumberedRequest | null {
  const { id, op, key, keys, accessKeys, purpose, value, isInteractive } = fieldsOf(message);
  const hasPurpose = isTextArray(accessKeys) && purposes.some((known) => known === purpose);
  const isChange = typeof isInteractive === 'boolean' && (op === 'remove' || typeof value === 'string');
  const isValid =
    op === 'state' || op === 'unlock'
      ? isTextArray(keys) && (op === 'state' || hasPurpose)
      : typeof key === 'string' && (op === 'read' || ((op === 'remove' || op === 'write') && isChange));
  return typeof id === 'number' && isValid ? (message as NumberedRequest) : null;
}

/** `null` for an invalid message. */
export function parseHelperResponse(message: unknown): HelperResponse | null {
  const { id, ok, value, problem, restartHelper } = fieldsOf(message);
  const isValid =
    ok === true
      ? value === null || typeof value === 'string'
      : ok === false && isProblem(fieldsOf(problem)) && typeof restartHelper === 'boolean';
  return typeof id === 'number' && isValid ? (message as HelperResponse) : null;
}

function isProblem({ code, message, hint }: Fields): boolean {
  const isKnownCode = errorCodes.some((errorCode) => errorCode === code);
  return isKnownCode && typeof message === 'string' && (hint === undefined || isHint(hint));
}

function isHint(hint: unknown): boolean {
  return Array.isArray(hint) ? hint.every(isHintLine) : isHintLine(hint);
}

function isHintLine(line: unknown): boolean {
  if (typeof line === 'string') return true;
  const { command, ...optional } = fieldsOf(line);
  const isKnownCommand = hintCommands.some((hintCommand) => hintCommand === command);
  return isKnownCommand && Object.values(optional).every((value) => typeof value === 'string');
}

function isTextArray(value: unknown): boolean {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}

function fieldsOf(message: unknown): Fields {
  return typeof message === 'object' && message !== null ? (message as Fields) : {};
}
