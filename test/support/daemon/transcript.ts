/** One command of a release, with its messages and its output. */
export interface RecordedCommand {
  readonly args: readonly string[];
  readonly frames: readonly { readonly from: 'client' | 'daemon'; readonly data: Record<string, unknown> }[];
  readonly stdout: string;
}

/**
 * `$` begins a command, `→` is a message to the daemon, `←` a message from it, `=` a line of the output. Other lines are
 * comments.
 */
export function parseTranscript(text: string): readonly RecordedCommand[] {
  const commands = text.split(/^\$ iam-token/m).slice(1);
  return commands.map((command) => {
    const [commandLine = '', ...lines] = command.split('\n');
    const linesWithPrefix = (prefix: string): string[] =>
      lines.filter((line) => line.startsWith(prefix)).map((line) => line.slice(2));
    return {
      args: commandLine.split(' ').filter((word) => word !== ''),
      frames: lines
        .filter((line) => /^[→←] /.test(line))
        .map((line) => ({
          from: line.startsWith('→') ? 'client' : 'daemon',
          data: JSON.parse(line.slice(2)) as Record<string, unknown>,
        })),
      stdout: linesWithPrefix('= ')
        .map((line) => `${line}\n`)
        .join(''),
    };
  });
}

/** Adds an unknown field to each object, as a later release might. */
export function withUnknownFields(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withUnknownFields);
  if (typeof value !== 'object' || value === null) return value;
  const knownFields = Object.entries(value).map(
    ([name, fieldValue]) => [name, withUnknownFields(fieldValue)] as const,
  );
  return { ...Object.fromEntries(knownFields), unknownField: { list: [1, null] } };
}
