import type { Connection } from '../client/connection.ts';
import { dial, socketPaths } from '../client/dial.ts';
import { type Deadline, deadlineAfter } from '../client/deadline.ts';
import { profileParams, type ProfileParams } from '../client/request-token.ts';
import type { ProcessContext } from '../platform/paths.ts';
import { upgradeCommand } from '../platform/service-manager.ts';
import type { Method, MethodDefinition, CallParams, MethodResult } from '../protocol/method-types.ts';
import type { Clock } from '../shared/clock.ts';
import { IamTokenError } from '../shared/errors.ts';
import { daemonHint, type Hint } from '../shared/hint.ts';
import type { Operand, OptionDefinition } from './parsing/options.ts';

/** A row of the command table: parsing, help, completion and the manual page follow from it. */
export interface CommandDefinition {
  /** Empty for the command that `iam-token` runs without a name. */
  readonly name: string;
  /** An imperative phrase without a full stop: `remove a credential`. */
  readonly summary: string;
  /** Whole sentences. */
  readonly description?: string;
  /** Absent: no argument is accepted. */
  readonly operand?: Operand;
  /** Besides the options of all commands. */
  readonly options?: Readonly<Record<string, OptionDefinition>>;
  /** Command lines that work as typed. */
  readonly examples: readonly string[];
  /** The default of --timeout, if it is longer than that of the other commands. */
  readonly timeoutMs?: number;
  /**
   * Prints its result; throws IamTokenError or SilentExit.
   * @returns an exit code if the output already explains it
   */
  readonly run: (context: CommandContext) => Promise<number | void>;
  /**
   * The last line of stdout after an error, for a shell that evaluates the output and does not see the exit code.
   * @param options as typed; the error may be about them
   */
  readonly formatFailure?: (options: ReadonlyMap<string, string>, platform: NodeJS.Platform) => string;
}

/** Commands under one heading of `iam-token --help`. */
export interface CommandGroup {
  readonly title: string;
  readonly commands: readonly CommandDefinition[];
}

/** What the user typed after `iam-token`. */
export interface CommandArguments {
  /** The values as typed; empty for a flag. */
  readonly options: ReadonlyMap<string, string>;
  /** Absent: `IAM_TOKEND_SOCKET`, then the usual paths. */
  readonly socketPath: string | undefined;
  readonly timeoutMs: number;
  readonly minTtlMs: number | undefined;
  /** The argument that the command's `operand` describes; empty without one, and with --help. */
  readonly operand: string;
  /** All words after the name of the command. */
  readonly operands: readonly string[];
  /** The arguments for another program, unchanged; empty if the command takes none. */
  readonly passthroughArgs: readonly string[];
}

export interface CommandContext extends CommandArguments {
  readonly processContext: ProcessContext;
  readonly clock: Clock;
}

/** Which daemon to call, and how long to wait for it. */
export type ConnectOptions = Pick<CommandContext, 'socketPath' | 'timeoutMs' | 'processContext'>;

/** Runs an action over one connection and closes it. */
export async function withDaemon<T>(
  { socketPath, timeoutMs, processContext }: ConnectOptions,
  action: (connection: Connection, deadline: Deadline) => Promise<T>,
): Promise<T> {
  const deadline = deadlineAfter(timeoutMs);
  const connection = await dial(socketPath, processContext, deadline);
  try {
    return await action(connection, deadline);
  } finally {
    connection.close();
  }
}

/** Opens a connection for one call. */
export function callDaemon<M extends Method>(
  connectOptions: ConnectOptions,
  method: MethodDefinition<M>,
  params: CallParams<M>,
): Promise<MethodResult<M>> {
  return withDaemon(connectOptions, (connection, deadline) =>
    connection.call(method, params, deadline),
  ).catch((error: unknown) => {
    throw explainUnknownMethod(error, method.name, connectOptions);
  });
}

/** The `profile` parameter of a call: from an option, else from the environment. */
export function profileParamsOf({ options, processContext }: CommandContext): ProfileParams {
  return profileParams(options.get('profile'), processContext.env);
}

/** The command that restarts the daemon with the installed release. */
export function restartHint({
  socketPath,
  processContext,
}: Pick<ConnectOptions, 'socketPath' | 'processContext'>): Hint {
  const [path] = socketPaths(socketPath, processContext).paths;
  return daemonHint(upgradeCommand(processContext, path));
}

/**
 * @param age `is version 0.1.0`
 * @param feature what it does not support
 */
export function olderDaemonError(
  age: string,
  feature: string,
  connectOptions: ConnectOptions,
): IamTokenError {
  const message = `the running daemon ${age} and does not support ${feature}`;
  return new IamTokenError({ code: 'unknown_method', message, hint: restartHint(connectOptions) });
}

/** The error of a call, with the command that helps if the daemon does not have the method. */
function explainUnknownMethod(error: unknown, method: string, connectOptions: ConnectOptions): unknown {
  const isUnknown = error instanceof IamTokenError && error.code === 'unknown_method';
  return isUnknown
    ? olderDaemonError('is older than this client', `the method ${method}`, connectOptions)
    : error;
}
