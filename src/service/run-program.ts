import type { ProgramCall } from './service.ts';

export interface Ended {
  /** `null` where it could not be started, or was killed. */
  readonly code: number | null;
  readonly stdout: string;
  /** Why it failed, as far as it is known. */
  readonly stderr: string;
}

/** @param deadline kills it */
export async function runProgram(
  { argv: [program, ...args] }: ProgramCall,
  env: NodeJS.ProcessEnv,
  deadline: AbortSignal,
): Promise<Ended> {
  const { execFile } = await import('node:child_process');
  return new Promise((resolve) => {
    const options = { env, signal: deadline, killSignal: 'SIGKILL', encoding: 'utf8' } as const;
    execFile(program, args, options, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : null;
      resolve({ code, stdout, stderr: stderr.trim() || (error?.message ?? '') });
    });
  });
}
