import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import fc from 'fast-check';
import { day, minute } from '../support/time/durations.ts';
import { type Mutant, mutants } from '../simulation/mutants.ts';
import type { Plan } from '../simulation/plan.ts';
import { plans } from '../simulation/plan-arbitrary.ts';
import { type SimulationResult, simulate } from '../simulation/simulate.ts';

/** The maximum number of simulated months per mutant; the same months in each run. */
const monthCount = 200;
const compiledFolder = fileURLToPath(new URL('../../', import.meta.url));

describe('simulation of mutants', () => {
  let folder: string;
  let plansToTry: readonly Plan[];
  before(() => {
    plansToTry = fc.sample(plans(30 * day, 4), { seed: 20261124, numRuns: monthCount });
    folder = mkdtempSync(join(tmpdir(), 'iam-tokend-mutants-'));
    writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
  });
  after(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  it(`finds no failure in the unchanged core, in the same ${monthCount} months`, async () => {
    assert.equal(await findFirstFailure(simulate, plansToTry), null);
  }).timeout(5 * minute);

  for (const mutant of mutants) {
    it(`finds a failure in a core without the rule: ${mutant.rule}`, async () => {
      const { simulate: simulateMutant } = await loadMutant(mutant);
      const broken = await findFirstFailure(simulateMutant, plansToTry);
      assert.notEqual(broken, null, 'no month has a failure');
    }).timeout(5 * minute);
  }

  /** Loads the simulation with a copy of the core in which one line is replaced. */
  async function loadMutant({
    file,
    find,
    replace,
  }: Mutant): Promise<{ readonly simulate: typeof simulate }> {
    const copy = mkdtempSync(join(folder, 'core-'));
    for (const copiedPath of [
      'src/shared',
      'src/token',
      'src/daemon/profiles/profile.js',
      'src/daemon/metrics/exchange-counts.js',
      'src/sources/exchange-awake.js',
      'test/support',
      'test/simulation',
    ]) {
      cpSync(join(compiledFolder, copiedPath), join(copy, copiedPath), { recursive: true });
    }
    const path = join(copy, 'src/token', `${file}.js`);
    const [before, after, ...furtherParts] = readFileSync(path, 'utf8').split(find);
    if (before === undefined || after === undefined || furtherParts.length > 0) {
      throw new Error(`${file}.js does not contain exactly once: ${find}`);
    }
    writeFileSync(path, before + replace + after);
    const mutantModule: unknown = await import(pathToFileURL(join(copy, 'test/simulation/simulate.js')).href);
    return mutantModule as { readonly simulate: typeof simulate };
  }
});

async function findFirstFailure(
  simulateMonth: (plan: Plan) => Promise<SimulationResult>,
  simulatedPlans: readonly Plan[],
): Promise<string | null> {
  for (const plan of simulatedPlans) {
    const { error } = await simulateMonth(plan);
    if (error !== null) return error.message;
  }
  return null;
}
