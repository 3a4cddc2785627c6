import { existsSync, rmdirSync, rmSync } from 'node:fs';
import { dirname, join, sep } from 'node:path';
import { IamTokenError } from '../client/iam-token-error.ts';
import { folders } from '../platform/places.ts';
import { userManagerFolder } from '../platform/service-manager.ts';
import { isOwnProgram } from '../platform/surroundings.ts';
import type { Service } from '../service/service.ts';
import type { Call, Command } from './command.ts';
import { pathPrograms } from './path-programs.ts';
import { note, print, waiting } from './terminal.ts';
import { endDaemonByHand, runAll, runOne, thisService } from './this-service.ts';

/** Takes away what `install` made, and with `--purge` all that the daemon ever kept. */
export const uninstall: Command = async (call) => {
  const { options, surroundings } = call;
  // Root has no daemon of its own here.
  const isForSystem = options.has('system') || surroundings.uid === 0;
  const isPurge = options.has('purge');
  const byHand = isPurge ? 'iam-token stop, then: iam-tokend --purge' : 'iam-token stop';
  const service = thisService(surroundings, isForSystem, byHand);
  if (!isForSystem) await endDaemonByHand(call);
  const paths = service.files.filter(({ isKept }) => isKept !== true).map(({ path }) => path);
  if (paths.some((path) => existsSync(path))) {
    await waiting('the daemon to end', runAll(service.end, call));
    for (const path of paths) rmSync(path, { force: true });
    await runAll(service.forget, call);
  }
  const runtimeFolder = isForSystem ? '/run' : userManagerFolder(surroundings);
  const programs = isForSystem ? [] : pathPrograms(surroundings, process.execPath).map(({ path }) => path);
  for (const path of programs) if (isOwnProgram(path)) rmSync(path);
  if (runtimeFolder !== null) rmSync(join(runtimeFolder, 'iam-tokend'), { recursive: true, force: true });
  if (isPurge) {
    if (service.purge === undefined) await forgetAll(call);
    else await runAll(service.purge, call);
    // The drop-ins that a person has added to a unit.
    for (const path of paths) rmSync(`${path}.d`, { recursive: true, force: true });
  }
  if (!isForSystem) {
    const { config, state, log } = folders(surroundings);
    for (const path of [...paths, ...programs, config, state, log])
      removeEmptyFolders(dirname(path), surroundings.home());
  }
  if (isPurge) print('the daemon is gone, with all credentials and its configuration');
  else print('the daemon is gone; its configuration and credentials stay, unless you purge them');
  await mentionLingering(service, call);
};

/** The daemon's program has the stores to do it, and sees that no daemon runs. */
async function forgetAll(call: Call): Promise<void> {
  const argv = [process.execPath, join(__dirname, 'iam-tokend.js'), '--purge'] as const;
  const { code, stderr } = await waiting('the keychain', runOne({ argv }, call));
  if (code === 0) return;
  const reason = stderr.replace(/^iam-tokend: error: /, '');
  throw new IamTokenError('internal', `not everything could be forgotten: ${reason}`, {
    hint: 'iam-token uninstall --purge, once that is put right',
  });
}

/** Upwards, as far as they are empty; `home` stays. */
function removeEmptyFolders(from: string, home: string): void {
  for (let folder = from; folder.startsWith(home + sep); folder = dirname(folder)) {
    try {
      rmdirSync(folder);
    } catch {
      return; // Something is in it.
    }
  }
}

async function mentionLingering({ lingering }: Service, call: Call): Promise<void> {
  if (lingering === undefined || (await runOne(lingering.ask, call)).stdout.trim() !== 'yes') return;
  note('your services go on while you are not logged in, as before', lingering.turnOff);
}
