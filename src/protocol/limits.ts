/**
 * 1 to 64 characters: no control character, no slash, no backslash. Parsers of JSON and YAML drop or misread the three
 * excluded names.
 */
export function isProfileName(text: string): boolean {
  return /^(?!(?:__proto__|constructor|prototype)$)[^\p{C}/\\]{1,64}$/u.test(text);
}

/** IAM tokens are valid for at most 12 hours. */
export const maxMinTtlMs = 12 * 60 * 60_000;
