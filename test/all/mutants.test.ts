import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import fc from 'fast-check';
import { day, minute } from '../support/durations.ts';
import { type Mutant, mutants } from '../simulation/mutants.ts';
import type { Plan } from '../simulation/plan.ts';
import { plans } from '../simulation/plan-arbitrary.ts';
import { type Outcome, simulate } from '../simulation/world.ts';

/** Months that each mutant may live through, at most; the same each time. */
const months = 200;
const compiled = fileURLToPath(new URL('../../', import.meta.url));

describe('the simulation', () => {
  let folder: string;
  let plansToTry: readonly Plan[];
  before(() => {
    plansToTry = fc.sample(plans(30 * day, 4), { seed: 20261124, numRuns: months });
    folder = mkdtempSync(join(tmpdir(), 'iam-tokend-mutants-'));
    writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
  });
  after(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  it(`finds nothing wrong with the core as it is, in the same ${months} months`, async () => {
    assert.equal(await firstBroken(simulate, plansToTry), null);
  }).timeout(5 * minute);

  for (const mutant of mutants) {
    it(`catches a core without the rule: ${mutant.rule}`, async () => {
      const { simulate: simulateMutant } = await mutated(mutant);
      const broken = await firstBroken(simulateMutant, plansToTry);
      assert.notEqual(broken, null, 'it went through all months unnoticed');
    }).timeout(5 * minute);
  }

  /** The simulation over a copy of the core in which one line is another. */
  async function mutated({ file, find, replace }: Mutant): Promise<{ readonly simulate: typeof simulate }> {
    const copy = mkdtempSync(join(folder, 'core-'));
    for (const part of [
      'src/shared',
      'src/token',
      'src/daemon/profile.js',
      'test/support',
      'test/simulation',
    ]) {
      cpSync(join(compiled, part), join(copy, part), { recursive: true });
    }
    const path = join(copy, 'src/token', `${file}.js`);
    const [before, after, ...more] = readFileSync(path, 'utf8').split(find);
    if (before === undefined || after === undefined || more.length > 0) {
      throw new Error(`${file}.js does not hold exactly once: ${find}`);
    }
    writeFileSync(path, before + replace + after);
    const world: unknown = await import(pathToFileURL(join(copy, 'test/simulation/world.js')).href);
    return world as { readonly simulate: typeof simulate };
  }
});

async function firstBroken(
  live: (plan: Plan) => Promise<Outcome>,
  through: readonly Plan[],
): Promise<string | null> {
  for (const plan of through) {
    const { broken } = await live(plan);
    if (broken !== null) return broken.message;
  }
  return null;
}
