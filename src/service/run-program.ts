import type { SystemCommand } from './service-definition.ts';

export interface ProgramResult {
  /** `null` if it did not start or was killed. */
  readonly code: number | null;
  readonly stdout: string;
  /** Its stderr, or the system's error if it wrote none. */
  readonly stderr: string;
}

/** @param signal kills the program when it aborts */
export async function runProgram(
  { argv: [program, ...args] }: SystemCommand,
  env: NodeJS.ProcessEnv,
  signal: AbortSignal,
): Promise<ProgramResult> {
  const { execFile } = await import('node:child_process');
  return new Promise((resolve) => {
    const options = { env, signal, killSignal: 'SIGKILL', encoding: 'utf8' } as const;
    execFile(program, args, options, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : null;
      resolve({ code, stdout, stderr: stderr.trim() || (error?.message ?? '') });
    });
  });
}
