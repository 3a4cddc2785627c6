import { DaemonNotRunningError, socketPaths } from '../../../client/dial.ts';
import { hasServiceManager } from '../../../platform/service-manager.ts';
import type { CommandContext } from '../../command.ts';
import { canPrompt, promptYesNo } from '../../terminal/prompt.ts';
import { install } from './install.ts';

/** Offers to install the daemon if it is not running, and then runs the action again. */
export async function retryAfterInstall<T>(context: CommandContext, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    if (!(error instanceof DaemonNotRunningError) || !canInstall(context)) throw error;
    const question = 'iam-tokend is not running; install it as a service and start it?';
    if (!(await promptYesNo(`iam-token: ${question}`, 'yes'))) throw error;
    await install.run(context);
    return action();
  }
}

/** The installed service listens on the default socket only. */
function canInstall({ options, processContext }: CommandContext): boolean {
  const { isExplicit } = socketPaths(options.get('socket'), processContext);
  return !isExplicit && hasServiceManager(processContext) && canPrompt();
}
