// The results as a table and as a picture.
//
// A result is { name, unit, median, low, high }, and may have { ratio, to, max or min }; `to` says what is divided by what.

const formatNumber = (value) => {
  if (value >= 10_000) return `${Math.round(value / 1_000)} k`;
  return value.toFixed(value < 10 ? 2 : value < 100 ? 1 : 0);
};

export function isWithinBound({ ratio, max = Infinity, min = 0 }) {
  return ratio === undefined || (ratio <= max && ratio >= min);
}

function formatBound(result) {
  const { max, min } = result;
  if (max === undefined && min === undefined) return '';
  const bound = max === undefined ? `at least ${min}` : `at most ${max}`;
  return isWithinBound(result) ? bound : `${bound}: **exceeded**`;
}

/** @returns a table in Markdown */
export function formatTable(title, results) {
  const rows = results.map((result) => {
    const { name, unit, median, low, high, ratio, to } = result;
    const spread = low === undefined ? '' : `${formatNumber(low)} to ${formatNumber(high)}`;
    const ratioText = ratio === undefined ? '' : `${to}: ${ratio.toFixed(2)}`;
    return [name, `${formatNumber(median)} ${unit}`, spread, ratioText, formatBound(result)];
  });
  const table = [[title, 'median', 'half of the runs', 'ratio', 'limit'], ...rows];
  const widths = table[0].map((_, column) => Math.max(...table.map((row) => [...row[column]].length)));
  const lines = table.map(
    (row) => `| ${row.map((cell, column) => cell.padEnd(widths[column])).join(' | ')} |`,
  );
  const separator = `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`;
  return [lines[0], separator, ...lines.slice(1)].join('\n');
}

const barHeight = 22;
const labelWidth = 250;
const barWidth = 420;

/** @returns a bar for each result, as SVG; a line marks the middle half of the runs */
export function drawBars(title, results, footer) {
  const height = (results.length + 2) * barHeight + 30;
  const scale = barWidth / Math.max(...results.map(({ high }) => high));
  const bars = results.map(({ name, unit, median, low, high, isOwn }, index) => {
    const y = (index + 1) * barHeight + 20;
    const middle = y + barHeight / 2 - 2;
    const start = labelWidth + low * scale;
    return [
      `<text x="${labelWidth - 10}" y="${y + 14}" text-anchor="end">${escapeXml(name)}</text>`,
      `<rect x="${labelWidth}" y="${y + 2}" width="${(median * scale).toFixed(1)}" height="${barHeight - 8}" fill="${isOwn ? '#1a7f64' : '#9aa4b2'}"/>`,
      `<path d="M${start.toFixed(1)} ${middle}H${(labelWidth + high * scale).toFixed(1)}" stroke="#333" stroke-width="1.5"/>`,
      `<text x="${(labelWidth + high * scale + 8).toFixed(1)}" y="${y + 14}">${formatNumber(median)} ${unit}</text>`,
    ].join('\n');
  });
  const width = labelWidth + barWidth + 100;
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="13">
<rect width="100%" height="100%" rx="6" fill="#fff"/>
<text x="16" y="24" font-weight="bold">${escapeXml(title)}</text>
${bars.join('\n')}
<text x="16" y="${height - 12}" font-size="11" fill="#555">${escapeXml(footer)}</text>
</svg>
`;
}

function escapeXml(text) {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
