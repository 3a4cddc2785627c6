/** The cells of the first table below a heading, without its header. */
export function parseMarkdownTable(document: string, heading: string): readonly (readonly string[])[] {
  const section = document.slice(document.indexOf(`\n## ${heading}\n`));
  const [table = ''] = /(?:^\|.*\n)+/m.exec(section) ?? [];
  return table
    .trim()
    .split('\n')
    .slice(2)
    .map((row) =>
      row
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
}
