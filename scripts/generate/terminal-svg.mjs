// Runs scripts/demo in a pseudo terminal and draws its output into scripts/demo.svg. Needs a build, and `script` of
// util-linux. Options are passed to the demo: node scripts/generate/terminal-svg.mjs --no-install
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const columns = 100;
const lineHeight = 18;
const characterWidth = 8.43;
const padding = 16;
const headHeight = 36;

const demo = ['scripts/demo', ...process.argv.slice(2)].join(' ');
const terminal = execFileSync('script', ['-qec', `stty cols ${columns}; ${demo}`, '/dev/null'], {
  cwd: fileURLToPath(new URL('../..', import.meta.url)),
  encoding: 'utf8',
  env: { ...process.env, TERM: 'xterm-256color' },
  stdio: ['ignore', 'pipe', 'inherit'],
});
// A carriage return begins the line again, to overwrite a progress message.
const outputLines = terminal
  .split('\r\n')
  .map((line) => line.slice(line.lastIndexOf('\r') + 1).replace(/^.\[K/, ''));
const first = outputLines.findIndex((line) => line.includes('1 of 6'));
const last = outputLines.findLastIndex((line) => line.startsWith('The demo has removed'));
if (first < 0 || last < 0) throw new Error(`the output of the demo has changed:\n${terminal}`);

const lines = outputLines.slice(first, last - 1).flatMap((line) => wrap(spansOf(line)));
const width = Math.round(columns * characterWidth + 2 * padding);
const height = headHeight + lines.length * lineHeight + padding;
const texts = lines.map((spans, index) => {
  const content = spans.map(({ style, text }) => (style ? tspan(style, text) : escape(text))).join('');
  return content && `<text x="${padding}" y="${headHeight + (index + 0.7) * lineHeight}">${content}</text>`;
});

writeFileSync(
  new URL('../demo.svg', import.meta.url),
  `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">
<title>A terminal session of scripts/demo: log in, print tokens, renew, restart during an outage, show the status</title>
<style>
text { font: 14px ui-monospace, 'SF Mono', Menlo, Consolas, 'DejaVu Sans Mono', monospace; fill: #d6deeb; white-space: pre }
.prompt { fill: #7fdbca } .bold { fill: #fff; font-weight: bold } .dim { fill: #8b98a9 }
.red { fill: #ff7b72 } .green { fill: #7ee787 } .yellow { fill: #e3b341 } .blue { fill: #79c0ff }
</style>
<rect x="0.5" y="0.5" width="${width - 1}" height="${height - 1}" rx="8" fill="#16202c" stroke="#5b6b7d"/>
${['#ff5f57', '#febc2e', '#28c840'].map((color, index) => `<circle cx="${padding + 6 + 20 * index}" cy="18" r="6" fill="${color}"/>`).join('')}
${texts.filter(Boolean).join('\n')}
</svg>
`,
);

/** Splits a line at its SGR sequences: `{ style, text }`, the style a class of the SVG or `null`. */
function spansOf(line) {
  if (line.startsWith('$ ')) return [{ style: 'prompt', text: line }];
  const styles = { 1: 'bold', 2: 'dim', 31: 'red', 32: 'green', 33: 'yellow', 34: 'blue', 36: 'blue' };
  const [plain, ...styled] = line.split('\x1b[');
  const spans = [{ style: null, text: plain }];
  for (const part of styled) {
    const end = part.indexOf('m');
    spans.push({ style: styles[part.slice(0, end).split(';').at(-1)] ?? null, text: part.slice(end + 1) });
  }
  return spans.filter(({ text }) => text !== '');
}

/** Breaks a line after `columns` characters, as the terminal does. */
function wrap(spans) {
  const rows = [[]];
  let freeColumns = columns;
  for (const { style, text } of spans) {
    for (let rest = text; rest !== '';) {
      if (freeColumns === 0) {
        rows.push([]);
        freeColumns = columns;
      }
      const chunk = rest.slice(0, freeColumns);
      rows.at(-1).push({ style, text: chunk });
      rest = rest.slice(chunk.length);
      freeColumns -= chunk.length;
    }
  }
  return rows;
}

function tspan(style, text) {
  return `<tspan class="${style}">${escape(text)}</tspan>`;
}

function escape(text) {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
