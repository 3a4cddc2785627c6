/** What one command of a release said over the wire, and what came of it. */
export interface RecordedCommand {
  readonly args: readonly string[];
  readonly frames: readonly { readonly from: 'client' | 'daemon'; readonly data: Record<string, unknown> }[];
  readonly stdout: string;
}

/**
 * `$` begins a command, `→` goes to the daemon, `←` comes from it, `=` is a line of the command's output. Lines that
 * begin otherwise are for the reader.
 */
export function parseTranscript(text: string): readonly RecordedCommand[] {
  const commands = text.split(/^\$ iam-token/m).slice(1);
  return commands.map((command) => {
    const [first = '', ...lines] = command.split('\n');
    const after = (mark: string): string[] =>
      lines.filter((line) => line.startsWith(mark)).map((line) => line.slice(2));
    return {
      args: first.split(' ').filter((word) => word !== ''),
      frames: lines
        .filter((line) => /^[→←] /.test(line))
        .map((line) => ({
          from: line.startsWith('→') ? 'client' : 'daemon',
          data: JSON.parse(line.slice(2)) as Record<string, unknown>,
        })),
      stdout: after('= ')
        .map((line) => `${line}\n`)
        .join(''),
    };
  });
}

/** As a later release might send it: with fields that nobody knows yet, in each object. */
export function withUnknownFields(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withUnknownFields);
  if (typeof value !== 'object' || value === null) return value;
  const known = Object.entries(value).map(([name, within]) => [name, withUnknownFields(within)] as const);
  return { ...Object.fromEntries(known), unknownYet: { list: [1, null] } };
}
