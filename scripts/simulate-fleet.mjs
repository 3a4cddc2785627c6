// What scripts/simulate-fleet runs. `test/fleet/fleet.test.ts` holds results, chart and table together.
import { execFileSync } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { format, resolveConfig } from 'prettier';
import { fleetChart } from '../dist/test/fleet/chart.js';
import { simulate } from '../dist/test/fleet/results.js';
import { fleetTable } from '../dist/test/fleet/table.js';

const { values } = parseArgs({
  options: { seed: { type: 'string' }, daemons: { type: 'string' }, write: { type: 'boolean' } },
});
const seed = natural('--seed', values.seed ?? String(randomInt(2 ** 31)));
const daemons = natural('--daemons', values.daemons ?? '100000');
process.stdout.write(`seed ${seed}\n\n`);

// With "-dirty" at its end where the code is not that of the commit.
const described = ['describe', '--always', '--abbrev=40', '--exclude=*', '--dirty'];
const commit = execFileSync('git', described, { encoding: 'utf8' }).trim();
const results = simulate(daemons, seed, commit);
const table = fleetTable(results);
process.stdout.write(await format(table, { parser: 'markdown' }));

if (values.write === true) {
  const options = await resolveConfig('ARCHITECTURE.md');
  const pretty = (text, parser) => format(text, { ...options, parser });
  writeFileSync('test/fleet/results.json', await pretty(JSON.stringify(results), 'json'));
  writeFileSync('test/fleet/fleet.svg', fleetChart(results));
  const begin = '<!-- fleet: made by scripts/simulate-fleet -->';
  const end = '<!-- end of fleet -->';
  const [before, rest] = readFileSync('ARCHITECTURE.md', 'utf8').split(begin);
  const after = rest?.split(end)[1];
  if (after === undefined) throw new Error(`ARCHITECTURE.md has no ${begin} … ${end}`);
  const document = `${before}${begin}\n\n${table}\n\n${end}${after}`;
  writeFileSync('ARCHITECTURE.md', await pretty(document, 'markdown'));
}

function natural(option, text) {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value > 0) return value;
  throw new Error(`${option} takes a whole number above 0`);
}
