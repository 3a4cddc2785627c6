import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { IamTokenError } from '../client/iam-token-error.ts';
import { type Surroundings, systemPlaces } from '../platform/places.ts';
import { hasServiceManager, startCommand } from '../platform/service-manager.ts';
import { isOwnProgram } from '../platform/surroundings.ts';
import { isOfVersionManager, nodeForService } from '../service/node-program.ts';
import type { Service } from '../service/service.ts';
import { askYesNo, canAsk } from './asking.ts';
import type { Call, Command } from './command.ts';
import { usageError } from './endings.ts';
import { offerNetwork } from './offer-network.ts';
import { type PathProgram, pathPrograms, warnUnlessFirst, writeProgram } from './path-programs.ts';
import { note, print, printWarning, waiting } from './terminal.ts';
import { endDaemonByHand, runAll, runOne, thisService } from './this-service.ts';
import { visible } from './visible.ts';
import { writeWhole } from './write-whole.ts';

/** Has the service manager start the daemon, now and with each session. Again, it brings a new release to life. */
export const install: Command = async (call) => {
  const isForSystem = call.options.has('system');
  const service = thisService(call.surroundings, isForSystem);
  const argv = await daemonCommand(call);
  if (isForSystem) refuseHomes(argv);
  const files = service.files
    .filter(({ path, isKept }) => isKept !== true || !existsSync(path))
    .map(({ packaged, ...file }) => {
      const text = packaged === undefined ? '' : readFileSync(join(__dirname, '../..', packaged), 'utf8');
      return { ...file, text: service.fill(text, argv) };
    });
  const withYc = call.options.has('yc');
  const programs = isForSystem ? [] : wantedPrograms(call.surroundings, argv[0], withYc);
  if (call.options.has('dry-run')) {
    for (const { path, text } of [...files, ...programs])
      print(`# write ${visible(path)}\n${text.replace(/^\ufeff/, '')}`);
    for (const { argv: words } of service.start) print(words.join(' '));
    return;
  }
  if (!isForSystem) {
    await offerNetwork(call.surroundings);
    await offerLingering(service, call);
    await endDaemonByHand(call);
  }
  for (const { path, text, encoding, isKept } of files) {
    mkdirSync(dirname(path), { recursive: true });
    writeWhole(path, text, isKept === true ? 0o600 : 0o644, encoding);
  }
  for (const program of programs) writeProgram(program);
  await waiting('the daemon to start', runAll(service.start, call, service.showLog));
  print(`the daemon runs as ${service.unit} of ${service.manager}, and starts ${service.when}`);
  if (isForSystem) mentionUse();
  if (withYc) warnUnlessFirst('yc', call.surroundings);
};

/** Where no daemon runs and a person is there, offers to install it before it is talked to. */
export async function orAfterInstall<T>(call: Call, talk: () => Promise<T>): Promise<T> {
  try {
    return await talk();
  } catch (error) {
    const { surroundings } = call;
    const isMissing = error instanceof IamTokenError && error.hint === startCommand(surroundings);
    if (!isMissing || !hasServiceManager(surroundings) || !canAsk()) throw error;
    const question = 'no daemon runs; install it, to start now and with each session?';
    if (!(await askYesNo(`iam-token: ${question}`, 'yes'))) throw error;
    await install(call);
    return talk();
  }
}

async function daemonCommand(call: Call): Promise<readonly [string, string]> {
  const versionOf = async (program: string): Promise<string | null> => {
    const { code, stdout } = await runOne({ argv: [program, '--version'] }, call);
    return code === 0 ? stdout : null;
  };
  const node = await nodeForService(call.surroundings.platform, process.execPath, versionOf);
  const program = join(__dirname, 'iam-tokend.js');
  for (const path of [node, program].filter(isOfVersionManager)) {
    printWarning(
      `${path} goes away when its version manager gets another release, and then the daemon does not start`,
      'install again then, or install with the Node of your system',
    );
  }
  return [node, program];
}

/** A `yc` of ours is there only where somebody asked for it, now or before. */
function wantedPrograms(surroundings: Surroundings, node: string, withYc: boolean): readonly PathProgram[] {
  return pathPrograms(surroundings, node).filter(
    ({ name, path }) => name !== 'yc' || withYc || isOwnProgram(path),
  );
}

/** The service sees none of them. */
function refuseHomes(paths: readonly string[]): void {
  const inHome = paths.find((path) => /^\/(?:home|root)\//.test(path));
  if (inHome === undefined) return;
  throw usageError(
    `${inHome} lies in a home folder, where the daemon of a system has no business`,
    "install iam-tokend for all users, with the system's Node: npm install --global",
  );
}

function mentionUse(): void {
  const { socket } = systemPlaces;
  note('it needs a credential', `iam-token login --socket ${socket} --service-account-key FILE`);
  note(
    `its group may ask it for tokens: IAM_TOKEND_SOCKET=${socket}`,
    'usermod --append --groups iam-tokend NAME',
  );
}

async function offerLingering(service: Service, call: Call): Promise<void> {
  if (service.lingering === undefined || !canAsk()) return;
  const { ask, turnOn } = service.lingering;
  if ((await runOne(ask, call)).stdout.trim() !== 'no') return;
  const question =
    'keep the daemon running while you are not logged in? The keychain stays locked until you log in';
  if (await askYesNo(`iam-token: ${question};`, 'no')) await runAll([turnOn], call);
}
