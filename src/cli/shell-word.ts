/** One word of a command that can be typed as it stands. */
export function shellWord(text: string, platform: NodeJS.Platform): string {
  if (platform === 'win32') return `"${text}"`;
  const word = text.startsWith('-') ? `./${text}` : text;
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`;
}
