import { isAbsolute } from 'node:path';
import { errorReason } from '../../shared/error-utils.ts';
import { omitUndefined } from '../../shared/omit-undefined.ts';
import type { ProgramOutput } from '../../shared/program-runner.ts';
import { isResourceId } from '../../shared/resource-id.ts';
import { Secret } from '../../shared/secret.ts';
import { quoteShellWord } from '../../shared/shell-quoting.ts';
import { sentAtMs } from '../../token/clock-estimate.ts';
import type { ExchangeOutcome, IamTokenSource } from '../../token/token-source.ts';
import {
  type CredentialKind,
  createBadRequestError,
  createForbiddenError,
  type SourceTools,
} from '../credential-kind.ts';
import { createFailure } from '../exchange/send-exchange.ts';
import { parseStored } from '../parse-stored.ts';
import {
  createExitFailure,
  createStartFailure,
  installHint,
  lastLine,
  notExecutableCodes,
  parseYcToken,
  refreshHint,
  terminalHint,
} from './yc-output.ts';
import { requiresUser, runYc, type StoredYc, storedYcSchema } from './yc-process.ts';

/** yc sends requests of its own, possibly several. */
const backgroundTimeoutMs = 20_000;
/** Time to log in with a browser; less than the 120 s of `login`. */
const interactiveTimeoutMs = 110_000;
const configTimeoutMs = 5_000;

const createTokenCommand = ['iam', 'create-token', '--no-user-output', '--format=json'];

/** The current login of yc, the vendor's CLI. */
export const ycKind: CredentialKind = {
  name: 'yc',
  accountCollections: ['userAccounts', 'serviceAccounts'],

  async createCredential({ settings }, _installation, { programs }) {
    await requireResponsivePath(programs);
    const { profile, path = programs.find('yc') } = settings;
    if (path === null) throw createBadRequestError('cannot find yc on this machine', installHint);
    if (!isAbsolute(path) || /\p{C}/u.test(path))
      throw createBadRequestError('the path of yc must be absolute and contain no control characters');
    const refusal = await findProgramRefusal(path, programs);
    if (refusal !== null) throw createForbiddenError(refusal, ownProgramHint);
    if (profile !== undefined && !/^[^\p{C}]{1,64}$/u.test(profile)) {
      throw createBadRequestError(
        'the name of a yc profile must have 1 to 64 characters, without control characters',
      );
    }
    return new Secret(JSON.stringify(omitUndefined({ path, profile }) satisfies StoredYc));
  },

  open: (credential, _installation, tools) => createYcSource(parseStored(storedYcSchema, credential), tools),

  async readCloudAndFolder(credential, tools, signal) {
    const yc = parseStored(storedYcSchema, credential);
    return omitUndefined({
      cloudId: await readConfigValue('cloud-id'),
      folderId: await readConfigValue('folder-id'),
    });

    async function readConfigValue(key: string): Promise<string | undefined> {
      const result = await runYc(yc, ['config', 'get', key], tools, false, configTimeoutMs, signal);
      const value = result.outcome === 'exited' && result.code === 0 ? lastLine(result.stdout) : '';
      return isResourceId(value) ? value : undefined;
    }
  },

  getRevocationAdvice(credential) {
    const { profile = 'NAME' } = parseStored(storedYcSchema, credential);
    return {
      message: 'yc itself is still logged in',
      hint: `yc config profile delete ${quoteShellWord(profile, 'linux')}`,
    };
  },
};

/** @throws IamTokenError `bad_request` */
async function requireResponsivePath(programs: SourceTools['programs']): Promise<void> {
  try {
    await programs.requireResponsive('yc');
  } catch (error) {
    throw createBadRequestError(`cannot look for yc: ${errorReason(error)}`);
  }
}

const ownProgramHint = 'install yc where only you and root can write';

/**
 * Why the daemon does not run this program; `null` if it finds the program itself, or if only this user and root can replace
 * it.
 */
async function findProgramRefusal(path: string, programs: SourceTools['programs']): Promise<string | null> {
  if (path === programs.find('yc')) return null;
  try {
    const violation = await programs.findAccessViolation(path);
    return violation === null ? null : `the daemon does not run ${path}: ${violation}`;
  } catch (error) {
    return `the daemon does not run ${path}: ${errorReason(error)}`;
  }
}

function createYcSource(yc: StoredYc, tools: SourceTools): IamTokenSource {
  return {
    async exchange(signal, interactive) {
      try {
        await tools.programs.requireResponsive('yc');
        await tools.programs.requireResponsive(yc.path);
      } catch (error) {
        return createFailure('transient', `cannot start ${yc.path}: ${errorReason(error)}`);
      }
      const refusal = await findProgramRefusal(yc.path, tools.programs);
      if (refusal !== null) return createFailure('interaction_required', refusal, ownProgramHint);
      const timeoutMs = interactive ? interactiveTimeoutMs : backgroundTimeoutMs;
      const startedAt = tools.clock.now();
      const result = await runYc(yc, createTokenCommand, tools, interactive, timeoutMs, signal);
      switch (result.outcome) {
        case 'not_started':
          return createStartFailure(yc.path, result.code);
        case 'killed':
          return createFailure('transient', `yc was killed by ${result.signal}`, refreshHint);
        case 'output_too_large':
          return createFailure('transient', 'yc printed more than 64 KiB', terminalHint);
        case 'stopped':
          return createFailure('interaction_required', 'yc requires a login in a browser', refreshHint);
        case 'aborted':
          return signal.aborted
            ? createFailure('transient', 'the run of yc was cancelled')
            : createTimeoutFailure(result, timeoutMs, interactive);
        case 'exited':
          break;
        default:
          return result satisfies never;
      }
      if (notExecutableCodes.includes(result.code)) return createStartFailure(yc.path, 'ENOEXEC');
      if (result.code !== 0) return createExitFailure(result.code, result, interactive);
      const outcome = parseYcToken(result.stdout, sentAtMs(startedAt, tools.clock.now()));
      if (outcome.ok) return outcome;
      if (outcome.failure.suspectsClock === true) return outcome;
      const kind = requiresUser(result) ? 'interaction_required' : 'transient';
      return createFailure(kind, outcome.failure.message, terminalHint);
    },
  };
}

/** Silence says nothing about its cause: the network, the machine or IAM may be slow. */
function createTimeoutFailure(
  output: ProgramOutput,
  timeoutMs: number,
  interactive: boolean,
): ExchangeOutcome<never> {
  const message = `yc did not finish within ${timeoutMs / 1_000} s`;
  return requiresUser(output)
    ? createFailure(
        'interaction_required',
        `${message}; it waits for input`,
        interactive ? terminalHint : refreshHint,
      )
    : createFailure('transient', message, terminalHint);
}
