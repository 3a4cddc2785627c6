import type { ProgramEnd, ProgramOutput, ProgramRun, Programs } from '../../src/shared/programs.ts';

/** Programs that end as a test says, and what they were run with. */
export interface FakePrograms extends Programs {
  readonly runs: readonly ProgramRun[];
}

/** @param found path of every program; `null`: there is none */
export function fakePrograms(
  found: string | null = null,
  end: (run: ProgramRun) => Partial<ProgramOutput> & Partial<ProgramEnd> = () => ({}),
): FakePrograms {
  const runs: ProgramRun[] = [];
  return {
    runs,
    find: () => found,
    async run(program) {
      runs.push(program);
      return { how: 'exited', code: 0, stdout: '', stderr: '', ...end(program) } as ProgramEnd;
    },
  };
}
