import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { IamTokenError, type Problem } from '../../shared/errors.ts';
import { closedInspectorOption } from '../../platform/inspector-option.ts';
import { withoutUnsafeVariables } from '../../platform/unsafe-environment.ts';
import { raceSignal } from '../../shared/race-signal.ts';
import {
  parseHelperResponse,
  type HelperResponse,
  type HelperRequest,
  type NumberedRequest,
} from './helper-messages.ts';
import { helperFailed, helperTimedOut, storeClosed } from './keychain-problems.ts';

export interface HelperProcessOptions {
  /** The program to fork, built from `src/bin/keychain-helper.ts`. */
  readonly helperPath: string;
  /** The daemon's own. The helper gets the part that it needs, such as the address of D-Bus. */
  readonly environment: NodeJS.ProcessEnv;
}

interface RunningHelper {
  readonly child: ChildProcess;
  /** By the id of the request. */
  readonly pendingCalls: Map<number, (response: HelperResponse) => void>;
}

/**
 * Calls the keychain helper, a child process: starts it at the first call, kills it when a call times out, and starts
 * another at the next call. Always with SIGKILL: a process whose threads hang in keytar does not react to other signals.
 */
export class HelperProcess {
  readonly #options: HelperProcessOptions;
  #helper: RunningHelper | null = null;
  #lastId = 0;
  #isClosed = false;

  constructor(options: HelperProcessOptions) {
    this.#options = options;
  }

  /**
   * May perform the request twice: a helper that cannot recover, or that another program has killed, is replaced, and the
   * new one called again. Not `unlock`, whose prompts would open twice.
   * @throws IamTokenError with the helper's problem, or `keychain_unavailable` when `deadline` aborts or the helper exits
   */
  async call(request: HelperRequest, deadline: AbortSignal): Promise<string | null> {
    let response = await this.#callOnce(request, deadline);
    if (!response.ok && response.restartHelper && request.op !== 'unlock')
      response = await this.#callOnce(request, deadline);
    if (!response.ok) throw new IamTokenError(response.problem);
    return response.value;
  }

  /** Kills the helper: running calls fail with `problem`, and the next call starts another. */
  kill(problem: Problem): void {
    if (this.#helper !== null) this.#kill(this.#helper, problem);
  }

  /** Kills the helper and waits for its exit. Running and later calls fail with `keychain_unavailable`. */
  async close(): Promise<void> {
    this.#isClosed = true;
    if (this.#helper === null) return;
    const exitEvent = once(this.#helper.child, 'exit').catch(() => undefined); // it did not start
    this.kill(storeClosed);
    await exitEvent;
  }

  async #callOnce(request: HelperRequest, deadline: AbortSignal): Promise<HelperResponse> {
    if (this.#isClosed) throw new IamTokenError(storeClosed);
    const helper = (this.#helper ??= this.#start());
    const id = ++this.#lastId;
    const response = new Promise<HelperResponse>((resolve) => {
      helper.pendingCalls.set(id, resolve);
      const message: NumberedRequest = { id, ...request };
      helper.child.send(
        message,
        (error) => error && this.#kill(helper, helperFailed('could not be reached'), true),
      );
    });
    try {
      return await raceSignal(response, deadline);
    } catch (error) {
      this.#kill(helper, helperFailed('was stopped because another call timed out'));
      throw new IamTokenError(helperTimedOut, { cause: error });
    } finally {
      helper.pendingCalls.delete(id);
    }
  }

  #start(): RunningHelper {
    // Loaded now, after the daemon has begun to listen.
    const { fork } = process.getBuiltinModule('node:child_process');
    const child = fork(this.#options.helperPath, [], {
      env: filterEnvironment(this.#options.environment),
      execArgv: [closedInspectorOption],
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    });
    const helper: RunningHelper = { child, pendingCalls: new Map() };
    const kill = (reason: string, mayRepeat = false): void =>
      this.#kill(helper, helperFailed(reason), mayRepeat);
    child.on('error', (error) => kill(`could not be started: ${error.message}`));
    child.on('exit', (code, signal) => kill(`exited (${signal ?? `exit code ${code}`})`, true));
    child.on('message', (message) => {
      const response = parseHelperResponse(message);
      if (response === null) return kill('sent an invalid response');
      helper.pendingCalls.get(response.id)?.(response);
      if (!response.ok && response.restartHelper) kill('was restarted after a failure');
    });
    return helper;
  }

  /** @param mayRepeat whether a new helper may answer the running calls */
  #kill(helper: RunningHelper, problem: Problem, mayRepeat = false): void {
    // A failed kill emits `error` on the child, which leads here again.
    if (this.#helper !== helper) return;
    this.#helper = null;
    helper.child.kill('SIGKILL');
    for (const [id, resolve] of helper.pendingCalls)
      resolve({ id, ok: false, problem, restartHelper: mayRepeat });
  }
}

/** Settings of Node, and variables that may hold a secret. D-Bus needs most of the others. */
const excludedVariables = /^(NODE_|IAM_TOKEN|YC_|CREDENTIALS_DIRECTORY$)/i;

function filterEnvironment(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const safeVariables = Object.entries(withoutUnsafeVariables(environment));
  return Object.fromEntries(safeVariables.filter(([name]) => !excludedVariables.test(name)));
}
