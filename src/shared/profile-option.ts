/** What a command that can be typed as it stands says of the profile, whatever that is called. */
export function profileOption(name: string): string {
  if (/^\w[\w.@-]*$/.test(name)) return `--profile ${name}`;
  return `--profile='${name.replaceAll("'", String.raw`'\''`)}'`;
}
