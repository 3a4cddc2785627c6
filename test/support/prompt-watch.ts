import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { startGuarded } from './guarded-process.ts';

export interface PromptWatch {
  /** Every call that would show a prompt, whether there is a screen or not. */
  readonly prompts: readonly string[];
  stop(): Promise<void>;
}

/** Watches a D-Bus session for prompts of its Secret Service, from now on. */
export async function watchPrompts(environment: Readonly<Record<string, string>>): Promise<PromptWatch> {
  const monitor = await startGuarded(
    ['dbus-monitor', '--monitor', "type='method_call',interface='org.freedesktop.Secret.Prompt'"],
    { environment: { PATH: process.env['PATH'], ...environment } },
  );
  const shown = createInterface(monitor.stdout);
  const prompts: string[] = [];
  shown.on('line', (line) => line.includes('member=Prompt') && prompts.push(line));
  await once(shown, 'line'); // it is watching
  return { prompts, stop: () => monitor.stop() };
}
