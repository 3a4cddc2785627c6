/** Checks that other programs find those that `install` puts into ~/.local/bin. */
import { posix } from 'node:path';
import { isExecutable, isShim } from '../../platform/process-context.ts';
import { programCandidates } from '../../platform/program-candidates.ts';
import { addToPathCommand } from '../add-to-path.ts';
import { shimPaths } from '../commands/setup/shims.ts';
import { type Check, type CheckResult, pass, skip, warn } from './check-result.ts';
import type { DoctorContext } from './doctor-context.ts';

export const pathCheck: Check = {
  name: 'path',
  dependsOn: null,

  run({ commandContext: { processContext } }) {
    const { env, home, platform } = processContext;
    if (platform === 'win32') return skip('iam-token install puts no programs in the PATH of Windows');
    if (!posix.isAbsolute(home())) return skip('the home folder is unknown');
    const folder = posix.join(home(), '.local/bin');
    const installed = Object.entries(shimPaths(home())).filter(([, path]) => isShim(path));
    const names = installed.map(([name]) => name).join(', ');
    if (!(env['PATH'] ?? '').split(':').some((entry) => posix.normalize(`${entry}/`) === `${folder}/`)) {
      const command = addToPathCommand(env);
      return installed.length === 0
        ? skip(`${folder} is not in PATH; no program of iam-token is in it`)
        : warn(`${folder} is not in PATH: other programs do not find ${names}`, command);
    }
    if (installed.length === 0) return pass(`${folder} is in PATH`);
    const shadowed = installed.flatMap(([name, path]) => findShadow(name, path, processContext));
    return shadowed.length > 0 ? shadowed : pass(`${folder} is in PATH, and has ${names}`);
  },
};

/** Another program that PATH has first: then the one of iam-token is not used. */
function findShadow(
  name: string,
  path: string,
  processContext: DoctorContext['commandContext']['processContext'],
): readonly CheckResult[] {
  const firstMatch = programCandidates(name, processContext).find(isExecutable);
  if (firstMatch === undefined || isShim(firstMatch)) return [];
  return [warn(`${firstMatch} comes before ${path} in PATH`, addToPathCommand(processContext.env))];
}
