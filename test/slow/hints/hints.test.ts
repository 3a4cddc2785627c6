import assert from 'node:assert/strict';
import { matchesHint } from '../../conventions/hints/match-hint.ts';
import { HintLab } from './hint-lab.ts';
import { hintScenarios } from './hint-table.ts';

describe('a hint, typed as it is printed', () => {
  let lab: HintLab;
  afterEach(() => lab?.stop());

  for (const { title, hints, isPossible = true, store = 'memory', run } of hintScenarios) {
    it(`C1: ${title}`, async function () {
      if (!isPossible) this.skip();
      lab = await HintLab.start({ store });
      await run(lab);
      const isTyped = (hint: string): boolean => lab.foundHints.some((line) => matchesHint(hint, line));
      assert.deepEqual(
        hints.filter((hint) => !isTyped(hint)),
        [],
        'the scenario has them in its list, and does not type them',
      );
    });
  }
});
