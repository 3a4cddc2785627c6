import { pathModuleOf, type ProcessContext, socketCandidates, systemPaths } from '../../../platform/paths.ts';
import type { ServiceDefinition } from '../../../service/service-definition.ts';
import { quoteShellWord } from '../../../shared/shell-quoting.ts';
import { usageError } from '../../cli-errors.ts';
import { printWarning } from '../../terminal/terminal.ts';

/**
 * A service listens at one path, where every client finds it. The variable, which may lead to another daemon, causes a
 * warning.
 * @param namedPath `--socket`
 * @throws IamTokenError `bad_request` if it is another path
 */
export function requireServiceSocket(
  { socket }: Pick<ServiceDefinition, 'socket'>,
  namedPath: string | undefined,
  processContext: ProcessContext,
): void {
  const { platform, env } = processContext;
  const [defaultPath] = socketCandidates(processContext);
  const servicePath = socket?.path ?? defaultPath;
  const systemOption = servicePath === systemPaths.socket ? ' --system' : '';
  const isOther = (path: string): boolean => pathModuleOf(platform).resolve(path) !== servicePath;
  if (namedPath && isOther(namedPath)) {
    throw usageError(`the service cannot listen on ${namedPath}: its socket is ${servicePath}`, [
      `without --socket: iam-token install${systemOption}`,
      `without a service: iam-tokend --socket ${quoteShellWord(namedPath, platform)}`,
    ]);
  }
  const shellPath = env['IAM_TOKEND_SOCKET'];
  if (!namedPath && shellPath && isOther(shellPath)) {
    printWarning(
      `the service does not inherit IAM_TOKEND_SOCKET from this shell: its socket is ${servicePath}, and commands use ${shellPath}`,
      'unset IAM_TOKEND_SOCKET',
    );
  }
}
