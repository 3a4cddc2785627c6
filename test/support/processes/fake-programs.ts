import type {
  ProgramResult,
  ProgramOutput,
  ProgramInvocation,
  ProgramRunner,
} from '../../../src/shared/program-runner.ts';

/** Programs with scripted results; records their invocations. */
export interface FakePrograms extends ProgramRunner {
  readonly runs: readonly ProgramInvocation[];
}

/** @param programPath the path of every program; with `null` no program is found */
export function createFakePrograms(
  programPath: string | null = null,
  resultOf: (run: ProgramInvocation) => Partial<ProgramOutput> & Partial<ProgramResult> = () => ({}),
): FakePrograms {
  const runs: ProgramInvocation[] = [];
  return {
    runs,
    requireResponsive: async () => undefined,
    find: () => programPath,
    findAccessViolation: async () => null,
    async run(program) {
      runs.push(program);
      return { outcome: 'exited', code: 0, stdout: '', stderr: '', ...resultOf(program) } as ProgramResult;
    },
  };
}
