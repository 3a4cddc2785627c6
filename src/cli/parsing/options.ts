/** The kinds of options and operands, and the options that several commands share. */
import { maxMinTtlMs } from '../../protocol/limits.ts';

export type Operand =
  | { readonly kind: 'profile'; readonly placeholder: string }
  | { readonly kind: 'choice'; readonly placeholder: string; readonly choices: readonly string[] }
  /** A word and the names of profiles that it takes; all may be absent. */
  | {
      readonly kind: 'action';
      readonly placeholder: string;
      readonly action: string;
      readonly nameCount: number;
    }
  /** Of `iam-token`; may be absent. */
  | { readonly kind: 'command-name'; readonly placeholder: string }
  /** Words for another program, passed on unparsed: a command line, or its arguments, which may be absent. */
  | { readonly kind: 'command' | 'arguments'; readonly placeholder: string };

export type OptionValue =
  | { readonly kind: 'flag' }
  /** `id`: of a Yandex Cloud resource. `url`: of a service. */
  | {
      readonly kind: 'text' | 'profile' | 'id' | 'url';
      readonly placeholder: string;
      /** An empty value clears the setting. */
      readonly isClearable?: true;
    }
  | ({ readonly kind: 'duration'; readonly placeholder: string } & DurationRange)
  | { readonly kind: 'choice'; readonly choices: readonly string[] };

export interface DurationRange {
  readonly minMs: number;
  readonly maxMs: number;
}

export interface OptionDefinition {
  readonly value: OptionValue;
  /** An imperative or a noun phrase without a full stop. */
  readonly help: string;
}

export interface OptionSpec extends OptionDefinition {
  readonly name: string;
}

export const flag = (help: string): OptionDefinition => ({ value: { kind: 'flag' }, help });
export const text = (placeholder: string, help: string): OptionDefinition => ({
  value: { kind: 'text', placeholder },
  help,
});
export const id = (placeholder: string, help: string): OptionDefinition => ({
  value: { kind: 'id', placeholder },
  help,
});
export const url = (help: string): OptionDefinition => ({ value: { kind: 'url', placeholder: 'URL' }, help });
export const clearable = (kind: 'id' | 'url', placeholder: string, help: string): OptionDefinition => ({
  value: { kind, placeholder, isClearable: true },
  help,
});
export const choice = (choices: readonly string[], help: string): OptionDefinition => ({
  value: { kind: 'choice', choices },
  help,
});
export const duration = (range: DurationRange, help: string): OptionDefinition => ({
  value: { kind: 'duration', placeholder: 'DURATION', ...range },
  help,
});

export const profileOption: OptionDefinition = {
  value: { kind: 'profile', placeholder: 'NAME' },
  help: 'use this profile (default: IAM_TOKEND_PROFILE, then the default profile)',
};
export const quietOption = flag('print no warnings and no progress');
export const jsonOption = flag('print one line of JSON, as described in PROTOCOL.md');
export const minTtlRange: DurationRange = { minMs: 0, maxMs: maxMinTtlMs };
export const preferredMinTtlOption = duration(
  minTtlRange,
  'prefer a token with at least this lifetime, such as 1h (at most 12h); warn if it is shorter',
);

/** A keychain prompt may take 120 s, and an exchange follows. */
export const keychainTimeoutMs = 150_000;

/** `--profile NAME`. */
export function formatOptionUsage({ name, value }: OptionSpec): string {
  return value.kind === 'flag' ? `--${name}` : `--${name} ${formatValue(value)}`;
}

/** `NAME`, or the choices. */
export function formatValue(value: Exclude<OptionValue, { readonly kind: 'flag' }> | Operand): string {
  if (value.kind === 'command-name') return `[${value.placeholder}]`;
  return value.kind === 'choice' ? value.choices.join('|') : value.placeholder;
}

/** Whether the words after the command belong to another program. */
export function isPassthrough(operand: Operand | undefined): boolean {
  return operand?.kind === 'command' || operand?.kind === 'arguments';
}
