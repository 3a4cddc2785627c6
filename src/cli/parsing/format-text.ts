const maxColumns = 100;

/** `Remove a credential. …` */
export function sentencesOf(summary: string, description?: string): string {
  const sentence = `${summary.slice(0, 1).toUpperCase()}${summary.slice(1)}.`;
  return description === undefined ? sentence : `${sentence} ${description}`;
}

/** Two columns; a long text continues in lines of its own. */
export function formatTable(rows: readonly (readonly [string, string])[], minWidth = 0): readonly string[] {
  const width = Math.max(minWidth, ...rows.map(([left]) => left.length)) + 2;
  return rows.flatMap(([left, right]) =>
    wrapText(right, maxColumns - width - 2).map((line, index) =>
      `  ${(index === 0 ? left : '').padEnd(width)}${line}`.trimEnd(),
    ),
  );
}

export function wrapText(text: string, width = maxColumns): readonly string[] {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= width)
      lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}
