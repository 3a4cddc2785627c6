/** Checks of the daemon, by what it reports and by its process. */
import { existsSync, readFileSync, readlinkSync } from 'node:fs';
import { deadlineAfter } from '../../client/deadline.ts';
import { upgradeCommand } from '../../platform/service-manager.ts';
import * as methods from '../../protocol/methods.ts';
import type { DaemonStatus } from '../../protocol/method-types.ts';
import { protocolVersion } from '../../protocol/envelope.ts';
import { isVersionManagerPath } from '../../service/service-node.ts';
import { formatTimeSpan } from '../../shared/duration.ts';
import { daemonHint, receivedHint } from '../../shared/hint.ts';
import { quoteShellWord } from '../../shared/shell-quoting.ts';
import { version } from '../../shared/version.ts';
import { defineUserService } from '../current-service.ts';
import { fetchStatus } from '../fetch-status.ts';
import { type Check, fail, pass, skip, warn } from './check-result.ts';
import type { DoctorContext } from './doctor-context.ts';

const daemon: Check = {
  name: 'daemon',
  dependsOn: 'socket',
  defaultHint: ({ socketPath, commandContext: { processContext } }) =>
    `lsof ${quoteShellWord(socketPath, processContext.platform)}`,

  async run(context) {
    const { connection, commandContext } = context;
    if (connection === undefined) return skip('not connected');
    const deadline = deadlineAfter(commandContext.timeoutMs);
    context.hello = await connection.call(methods.hello, { version }, deadline);
    context.status = await fetchStatus(connection, undefined, deadline);
    const { pid, startedAt } = context.status.daemon;
    const uptimeMs = commandContext.clock.now().wallMs - Date.parse(startedAt);
    return pass(`running for ${formatTimeSpan(uptimeMs)} (process ${pid})`);
  },
};

const versions: Check = {
  name: 'versions',
  dependsOn: 'socket',

  run({ hello, socketPath, commandContext: { processContext } }) {
    if (hello === undefined) return skip('the daemon did not report its version');
    const reason = `the daemon is version ${hello.version}, this client is version ${version}`;
    const command = daemonHint(upgradeCommand(processContext, socketPath));
    if (hello.protocol !== protocolVersion) return fail('unsupported_version', reason, command);
    return hello.version === version ? pass(`client and daemon are both ${version}`) : warn(reason, command);
  },
};

const manager: Check = {
  name: 'manager',
  dependsOn: 'daemon',

  run({ status }) {
    const serviceManager = status?.daemon.manager;
    if (serviceManager === undefined) return skip('the daemon does not report what started it');
    if (serviceManager === null) return pass('none: the daemon was started by hand');
    return pass(`${serviceManager.unit} (${serviceManager.kind})`);
  },
};

const node: Check = {
  name: 'node',
  dependsOn: null,

  run(context) {
    const { socketPath, commandContext } = context;
    const restartCommand = upgradeCommand(commandContext.processContext, socketPath);
    const path = findRunningNode(context) ?? findUnitNode(context);
    if (path === null) return skip("cannot determine the daemon's Node");
    if (path.endsWith(' (deleted)') || !existsSync(path)) {
      const reason = `the daemon's Node no longer exists: ${path.replace(' (deleted)', '')}`;
      return fail('internal', reason, daemonHint(restartCommand));
    }
    if (!isVersionManagerPath(path)) return pass(path);
    const reason = `${path} is managed by a Node version manager; if it is removed, the daemon cannot start`;
    return warn(reason, daemonHint(`if you remove this version of Node, run: ${restartCommand}`));
  },
};

const store: Check = {
  name: 'store',
  dependsOn: 'daemon',

  run({ status }) {
    if (status?.daemon.locked === true)
      return fail('locked', 'the daemon is locked', daemonHint('iam-token unlock'));
    const daemonStore: Partial<DaemonStatus['store']> = status?.daemon.store ?? {};
    const { kind = 'none', problem, confirmation, leftovers } = daemonStore;
    const results = leftovers ? [warn(leftovers.message, receivedHint(leftovers))] : [];
    if (problem) return [fail(problem.code, problem.message, receivedHint(problem)), ...results];
    if (confirmation)
      return [warn(`${kind}, open; ${confirmation.message}`, receivedHint(confirmation)), ...results];
    return [pass(`${kind}, open`), ...results];
  },
};

const containers: Check = {
  name: 'containers',
  dependsOn: 'daemon',

  run({ status, commandContext: { processContext } }) {
    const { containers: access, peerContainer } = status?.daemon ?? {};
    switch (access) {
      case undefined:
        return skip('the daemon does not report what a program in a container may do');
      case 'tokens':
        if (peerContainer === undefined) return pass('programs in containers can only get tokens');
        return warn(
          `this program is in a container (${peerContainer}): it can only get tokens`,
          [
            'run other commands on the host, such as: flatpak-spawn --host iam-token refresh',
            'or set in config.yaml: peers: { containers: full }',
          ].join('\n'),
        );
      case 'full':
        return warn(
          'every program in a container that reaches the socket has full access',
          'if no container needs it, remove this from config.yaml: peers: { containers: full }',
        );
      default:
        if (processContext.platform !== 'linux') return skip('containers are recognized on Linux only');
        return warn(
          'the daemon cannot tell programs in containers from others: they have full access',
          'give no container the folder of ipc.sock',
        );
    }
  },
};

/** Without a row if the address is not set. */
function createAddressCheck(name: 'metadata' | 'metrics'): Check {
  return {
    name,
    dependsOn: 'daemon',

    run({ status }) {
      const { [`${name}Address` as const]: address, [`${name}Problem` as const]: problem } =
        status?.daemon ?? {};
      if (problem !== undefined) return fail(problem.code, problem.message, receivedHint(problem));
      return address === undefined ? [] : pass(`listening on ${address}`);
    },
  };
}

/** `null` if /proc cannot be read. */
function findRunningNode({ status, commandContext: { processContext } }: DoctorContext): string | null {
  try {
    const pid = processContext.platform === 'linux' ? status?.daemon.pid : undefined;
    return pid === undefined ? null : readlinkSync(`/proc/${pid}/exe`);
  } catch {
    return null;
  }
}

/** The Node of the systemd unit. */
function findUnitNode({ commandContext: { processContext } }: DoctorContext): string | null {
  try {
    const { files } = defineUserService(processContext);
    const paths = files.flatMap(({ path, packagedPath = path }) => [path, packagedPath]);
    const unit = paths.find((path) => path.endsWith('.service') && existsSync(path)) ?? '';
    const [, quotedPath, unquotedPath] =
      /^ExecStart=(?:"([^"]+)"|(\S+))/m.exec(readFileSync(unit, 'utf8')) ?? [];
    return quotedPath ?? unquotedPath ?? null;
  } catch {
    return null; // No such unit.
  }
}

export const daemonChecks: readonly Check[] = [
  daemon,
  versions,
  manager,
  node,
  store,
  containers,
  createAddressCheck('metadata'),
  createAddressCheck('metrics'),
];
