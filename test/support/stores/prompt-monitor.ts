import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { startGuardedProcess } from '../processes/guarded-process.ts';

export interface PromptMonitor {
  /** Every call that opens a prompt, even if it cannot be shown. */
  readonly prompts: readonly string[];
  stop(): Promise<void>;
}

/** Records the prompts of a Secret Service. */
export async function monitorPrompts(environment: Readonly<Record<string, string>>): Promise<PromptMonitor> {
  const dbusMonitor = await startGuardedProcess(
    ['dbus-monitor', '--monitor', "type='method_call',interface='org.freedesktop.Secret.Prompt'"],
    { environment: { PATH: process.env['PATH'], ...environment } },
  );
  const lines = createInterface(dbusMonitor.stdout);
  const prompts: string[] = [];
  lines.on('line', (line) => line.includes('member=Prompt') && prompts.push(line));
  await once(lines, 'line'); // printed once it is monitoring
  return { prompts, stop: () => dbusMonitor.stop() };
}
