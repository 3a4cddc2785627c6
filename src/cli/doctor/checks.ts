/** What `doctor` looks at, along the chain from this program to IAM. */
import { existsSync, lstatSync, readFileSync, readlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { scheduleFault } from '../../adapters/cron-schedule.ts';
import { dialFirst } from '../../client/dial.ts';
import { IamTokenError } from '../../client/iam-token-error.ts';
import { patienceOf } from '../../client/patience.ts';
import { readConfig } from '../../config/read-config.ts';
import { folders } from '../../platform/places.ts';
import { renewCommand } from '../../platform/service-manager.ts';
import { checkSocketFolder } from '../../platform/socket-folder.ts';
import { lstat } from '../../platform/surroundings.ts';
import { type ProfileStatus, protocolVersion } from '../../protocol/messages.ts';
import * as methods from '../../protocol/methods.ts';
import { isOfVersionManager } from '../../service/node-program.ts';
import { span } from '../../shared/duration.ts';
import { version } from '../../shared/version.ts';
import { expiryMarginMs } from '../../token/iam-token.ts';
import { clockToleranceMs } from '../../token/time.ts';
import { wholeStatus } from '../pages.ts';
import { type Examination, failed, ok, probesOf, skipped, type Verdict, warning } from './examination.ts';
import type { Probe } from './network.ts';

type Verdicts = Verdict | readonly Verdict[];

export interface Check {
  readonly name: string;
  /** Skipped where that check has failed. */
  readonly needs: string | null;
  /** May throw instead of a failure. */
  readonly look: (examination: Examination) => Verdicts | Promise<Verdicts>;
}

const check = (name: string, needs: string | null, look: Check['look']): Check => ({ name, needs, look });

/** One verdict for each installation that is asked. */
const ofEach = (name: string, judge: (probe: Probe, examination: Examination) => Verdict): Check =>
  check(name, 'configuration', async (examination) =>
    (await probesOf(examination)).map((probe) => judge(probe, examination)),
  );

const systemNode = "install iam-tokend with your system's Node, then: iam-token install";

export const checks: readonly Check[] = [
  check('client', null, () => ok(`iam-token ${version} on Node ${process.version}`)),
  check('configuration', null, async (examination) => {
    const { configPath, call } = examination;
    const nowMs = call.clock.now().wallMs;
    const read = (environment: typeof call.surroundings.env): ReturnType<typeof readConfig> =>
      readConfig(configPath, false, {
        flags: {},
        environment,
        scheduleFault: (pattern) => scheduleFault(pattern, nowMs),
      });
    const { config, warnings } = await read(call.surroundings.env);
    const proxyOfFile = (await read({})).config.network.proxy;
    examination.settings = { config, proxyOfFile };
    if (warnings.length > 0) return warning(warnings.join('; '));
    return ok(existsSync(configPath) ? configPath : `the defaults hold: there is no ${configPath}`);
  }),
  check('folder', null, async ({ socketPath, isNamed, call: { surroundings } }) => {
    if (surroundings.uid === null) return skipped('a pipe lies in none; who listens has to prove who it is');
    const found = checkSocketFolder({ socketPath, isNamed, uid: surroundings.uid, lstat });
    switch (found.kind) {
      case 'private':
        return ok(`${dirname(socketPath)} is yours alone`);
      case 'guarded':
        return ok(`${dirname(socketPath)} is not yours alone: login is refused there`);
      case 'missing':
        return skipped(`${dirname(socketPath)} is not there yet; the daemon makes it`);
      case 'refused':
        return failed('unreachable', found.message, found.hint);
      default:
        return found satisfies never;
    }
  }),
  check('socket', 'folder', async (examination) => {
    const { socketPath, isNamed, call } = examination;
    const isPipe = call.surroundings.uid === null;
    const found = isPipe ? undefined : lstatSync(socketPath, { throwIfNoEntry: false });
    if (found?.isSocket() === false) {
      return failed('unreachable', `${socketPath} is no socket`, `look at it, and remove it`);
    }
    try {
      const patience = patienceOf(call.timeoutMs);
      examination.connection = await dialFirst([socketPath], isNamed, call.surroundings, patience);
    } catch (error) {
      const isMissing = error instanceof IamTokenError && error.code === 'unreachable';
      if (found !== undefined || isPipe || !isMissing) throw error;
      return failed(error.code, `there is no ${socketPath}: no daemon runs`, error.hint);
    }
    return ok(socketPath);
  }),
  check('daemon', 'socket', async (examination) => {
    const { connection, call } = examination;
    if (connection === undefined) return skipped('there is no connection');
    const patience = patienceOf(call.timeoutMs);
    examination.hello = await connection.ask(methods.hello, { version }, patience);
    examination.status = await wholeStatus(connection, undefined, patience);
    const { pid, startedAt } = examination.status.daemon;
    return ok(`process ${pid}, for ${span(call.clock.now().wallMs - Date.parse(startedAt))}`);
  }),
  check('versions', 'socket', async ({ hello, call: { surroundings } }) => {
    if (hello === undefined) return skipped('the daemon has not said which release it is');
    const said = `the daemon is of release ${hello.version}, this client of ${version}`;
    const command = renewCommand(surroundings);
    if (hello.protocol !== protocolVersion) return failed('unsupported_version', said, command);
    return hello.version === version ? ok(`both ${version}`) : warning(said, command);
  }),
  check('manager', 'daemon', async ({ status }) => {
    const manager = status?.daemon.manager;
    if (manager === undefined) return skipped('the daemon does not say what started it');
    return ok(manager === null ? 'none: a person started it' : `${manager.unit} of ${manager.kind}`);
  }),
  check('node', null, async (examination) => {
    const path = nodeOfRunning(examination) ?? nodeOfUnit(examination);
    if (path === null) return skipped('which Node the daemon runs on cannot be seen');
    if (path.endsWith(' (deleted)') || !existsSync(path)) {
      return failed('internal', `the daemon's ${path.replace(' (deleted)', '')} is gone`, systemNode);
    }
    return isOfVersionManager(path)
      ? warning(`${path} goes away when its version manager gets another release`, systemNode)
      : ok(path);
  }),
  check('store', 'daemon', async ({ status }) => {
    if (status?.daemon.locked === true) {
      return failed('locked', 'the daemon is locked until somebody unlocks it', 'iam-token unlock');
    }
    const { kind, problem } = status?.daemon.store ?? { kind: 'none', problem: null };
    return problem === null ? ok(`${kind}, open`) : failed(problem.code, problem.message, problem.hint);
  }),
  ofEach('clock', ({ clockOffsetMs }) => {
    if (clockOffsetMs === null) return skipped("IAM's time is not known");
    if (Math.abs(clockOffsetMs) < clockToleranceMs) return ok('agrees with the clock of IAM');
    const where = clockOffsetMs > 0 ? 'behind' : 'ahead of';
    const said = `the clock of this machine is ${span(Math.abs(clockOffsetMs))} ${where} that of IAM`;
    return warning(said, 'timedatectl set-ntp true');
  }),
  ofEach('dns', ({ hostname, proxy, stuckAt, reason }) => {
    if (proxy !== null) return skipped('the proxy looks names up');
    return stuckAt === 'dns'
      ? failed('unavailable', reason, `getent hosts ${hostname}`)
      : ok(`${hostname} is found`);
  }),
  ofEach('proxy', ({ proxy, stuckAt, reason }, { status, settings }) => {
    const setting = 'network: { proxy: URL } in config.yaml';
    if (proxy === null) return ok('none');
    if (stuckAt === 'proxy') return failed('unavailable', `${proxy}: ${reason}`, setting);
    return settings?.proxyOfFile === null && status?.daemon.manager
      ? warning(`${proxy} is known to this shell, and a service does not see its environment`, setting)
      : ok(proxy);
  }),
  ofEach('tls', ({ isPlain, stuckAt, reason }) => {
    if (stuckAt === 'tls')
      return failed('unavailable', reason, 'network: { caFile: PATH } in config.yaml names an authority');
    if (isPlain) return skipped('plain HTTP, to this machine');
    return stuckAt === null ? ok('the certificate is trusted') : skipped('it did not come to that');
  }),
  ofEach('iam', ({ endpoint, stuckAt, reason }) => {
    if (stuckAt === null) return ok(`${endpoint} answers`);
    if (stuckAt !== 'iam') return skipped('it did not come to that');
    return failed('unavailable', reason, `curl -v ${endpoint}`);
  }),
  check('profiles', 'daemon', async ({ status, call: { surroundings } }) => {
    const all = status?.profiles ?? [];
    const named = surroundings.env['IAM_TOKEND_PROFILE'] || null;
    const meant = named ?? all.find(({ isDefault }) => isDefault)?.profile;
    if (all.length === 0) return failed('login_required', 'nobody is logged in', 'iam-token login');
    if (meant === undefined) {
      return failed('unknown_profile', 'there is no default profile', 'iam-token use NAME');
    }
    if (!all.some(({ profile }) => profile === meant)) {
      return failed(
        'unknown_profile',
        `IAM_TOKEND_PROFILE names ${meant}, which is none`,
        'iam-token profiles',
      );
    }
    return [ok(`${meant} is meant when none is named`), ...all.map(verdictOf)];
  }),
];

function verdictOf({ profile, state, problem, timeLeftMs }: ProfileStatus): Verdict {
  const check = `profile ${profile}`;
  const isLiving = timeLeftMs !== null && timeLeftMs > expiryMarginMs;
  const lives = isLiving ? `its token lives ${span(timeLeftMs)} more` : 'it has no token now';
  const said = `${problem?.message ?? state}; ${lives}`;
  switch (state) {
    case 'ok':
      return { check, ...ok(lives) };
    case 'loading':
    case 'renewing':
    case 'failing':
      return {
        check,
        ...(isLiving ? warning(said, problem?.hint) : failed('unavailable', said, problem?.hint)),
      };
    case 'login_required':
    case 'keychain_locked':
    case 'keychain_unavailable':
    case 'locked':
      return { check, ...failed(state, said, problem?.hint) };
    default:
      return state satisfies never;
  }
}

/** A process that lets nobody look at it does not say. */
function nodeOfRunning({ status, call: { surroundings } }: Examination): string | null {
  try {
    const pid = surroundings.platform === 'linux' ? status?.daemon.pid : undefined;
    return pid === undefined ? null : readlinkSync(`/proc/${pid}/exe`);
  } catch {
    return null;
  }
}

/** What systemd would start. */
function nodeOfUnit({ call: { surroundings } }: Examination): string | null {
  try {
    const unit = join(dirname(folders(surroundings).config), 'systemd/user/iam-tokend.service');
    const [, quoted, bare] = /^ExecStart=(?:"([^"]+)"|(\S+))/m.exec(readFileSync(unit, 'utf8')) ?? [];
    return quoted ?? bare ?? null;
  } catch {
    return null; // there is no such unit
  }
}
