/** A word in single quotes, for a POSIX shell. */
export function quotePosixWord(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}

/** about_Quoting_Rules: a quote is escaped by doubling it; typographic quotes count as quotes. */
export function quotePowerShellWord(text: string): string {
  return `'${text.replaceAll(/['\u2018-\u201b]/g, '$&$&')}'`;
}

/** A file name as one word of a command, quoted only if necessary; never mistaken for an option. */
export function quoteShellWord(text: string, platform: NodeJS.Platform): string {
  if (platform === 'win32') return `"${text}"`;
  const word = text.startsWith('-') ? `./${text}` : text;
  return /^[\w@%+=:,./-]+$/.test(word) ? word : quotePosixWord(word);
}

/** An option with its value, quoted for a POSIX shell if necessary. */
export function formatOption(option: string, value: string): string {
  return /^[\w/][\w@%+:,./-]*$/.test(value) ? `${option} ${value}` : `${option}=${quotePosixWord(value)}`;
}

export function formatProfileOption(name: string): string {
  return formatOption('--profile', name);
}
