/** Words of a command that can be typed as it stands. */

/** As a POSIX shell takes it, whatever is in it. */
export function quoted(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}

/** One word, quoted where it has to be. */
export function shellWord(text: string, platform: NodeJS.Platform): string {
  if (platform === 'win32') return `"${text}"`;
  const word = text.startsWith('-') ? `./${text}` : text;
  return /^[\w@%+=:,./-]+$/.test(word) ? word : quoted(word);
}

/** What a command says of the profile, whatever that is called. */
export function profileOption(name: string): string {
  return /^\w[\w.@-]*$/.test(name) ? `--profile ${name}` : `--profile=${quoted(name)}`;
}
