import { dayMs } from './fleet.ts';
import { hour } from '../support/time/durations.ts';
import { outage, type Results } from './fleet-results.ts';

const width = 860;
const height = 340;
const left = 64;
const right = 16;
const top = 44;
const bottom = 40;
const maxValue = 100_000;

const x = (share: number): number => round(left + share * (width - left - right));
/** Logarithmic, from 1 to `maxValue`; 0 is on the axis. */
const y = (value: number): number =>
  round(height - bottom - (Math.log10(Math.max(value, 1)) / Math.log10(maxValue)) * (height - top - bottom));

/** An SVG of the day with the outage: the highest second of each minute, for the fleet and for cron. */
export function fleetChart({ daemons, seed, minutes, fleet }: Results): string {
  const ticks = [1, 10, 100, 1_000, 10_000, 100_000].map(
    (value) =>
      `<line x1="${left}" x2="${width - right}" y1="${y(value)}" y2="${y(value)}" class="grid"/>` +
      `<text x="${left - 8}" y="${y(value) + 4}" text-anchor="end">${value.toLocaleString('en-US')}</text>`,
  );
  const hours = [0, 6, 12, 18, 24].map(
    (value) =>
      `<text x="${x(value / 24)}" y="${height - bottom + 20}" text-anchor="middle">${value} h</text>`,
  );
  const [fromMs, toMs] = outage;
  const title = `Exchanges per second of ${daemons.toLocaleString('en-US')} daemons, the highest of each minute`;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img" font-family="sans-serif" font-size="12">
<title>${title}</title>
<style>
text { fill: #444 } .grid { stroke: #ddd } .down { fill: #f3e3c3 } .naive { stroke: #c0392b } .fleet { stroke: #1f6feb }
path { fill: none; stroke-width: 1.3 } .frame { fill: #fff }
</style>
<rect class="frame" width="${width}" height="${height}"/>
<rect class="down" x="${x(fromMs / dayMs)}" y="${top}" width="${round(x(toMs / dayMs) - x(fromMs / dayMs))}" height="${height - top - bottom}"/>
${ticks.join('\n')}
${hours.join('\n')}
<path class="naive" d="${bars(minutes.naive)}"/>
<path class="fleet" d="${line(minutes.fleet)}"/>
<text x="${left}" y="18" font-size="13">${title} (seed ${seed})</text>
<text x="${left}" y="36" style="fill: #1f6feb">iam-tokend, ${fleet.calm.mean.toFixed(1)} on average</text>
<text x="${left + 210}" y="36" style="fill: #c0392b">cron at minute 0</text>
<text x="${left + 340}" y="36">shaded: IAM returns 503 for ${(toMs - fromMs) / hour} h</text>
</svg>
`;
}

function line(values: readonly number[]): string {
  return values
    .map((value, index) => `${index === 0 ? 'M' : 'L'}${x(index / values.length)} ${y(value)}`)
    .join('');
}

function bars(values: readonly number[]): string {
  return values
    .flatMap((value, index) => (value === 0 ? [] : [`M${x(index / values.length)} ${y(1)}V${y(value)}`]))
    .join('');
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
