import type { Load, Results, Span } from './fleet-results.ts';

const spanLabels: Readonly<Record<Span, string>> = {
  start: 'the first minute after a power cut',
  calm: 'the rest of a calm day',
  outage: 'the hour of an outage',
  afterOutage: 'the hour after it',
  restOfDay: 'the rest of that day',
};

/** The results as Markdown, with their origin. */
export function fleetTable({ fleet, naive, daemons, seed, commit }: Results): string {
  const cell = (value: number): string => `${formatNumber(value)} (${formatNumber(value / fleet.calm.mean)})`;
  const row = (span: Span): string => {
    const { mean, peak10s, peak1s }: Load = fleet[span];
    const cells = [mean, peak10s, peak1s, naive[span].peak10s, naive[span].peak1s].map(cell);
    return `| ${spanLabels[span]} | ${cells.join(' | ')} |`;
  };
  return `\
| exchanges per second | mean | peak, 10 s | peak, 1 s | cron, 10 s | cron, 1 s |
| --- | ---: | ---: | ---: | ---: | ---: |
${(Object.keys(spanLabels) as Span[]).map(row).join('\n')}

In brackets: times the mean of the calm day. ${formatNumber(daemons)} daemons, seed ${seed}, commit ${commit}.`;
}

/** Three significant digits below 100, whole numbers above. */
function formatNumber(value: number): string {
  const digits = value === 0 || value >= 100 ? 0 : value >= 10 ? 1 : 2;
  return Number(value.toFixed(digits)).toLocaleString('en-US');
}
