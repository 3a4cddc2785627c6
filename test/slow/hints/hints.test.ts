import { HintLab } from './hint-lab.ts';
import { hintScenarios } from './hint-table.ts';

describe('a hint, typed as it is printed', () => {
  let lab: HintLab;
  afterEach(() => lab?.stop());

  for (const { title, isPossible = true, store = 'memory', run } of hintScenarios) {
    it(`C1: ${title}`, async function () {
      if (!isPossible) this.skip();
      lab = await HintLab.start({ store });
      await run(lab);
    });
  }
});
