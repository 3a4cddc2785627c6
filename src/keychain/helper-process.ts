import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { Problem } from '../shared/errors.ts';
import { orAborted } from '../shared/or-aborted.ts';
import { answerIn, type HelperAnswer, type HelperRequest, type NumberedRequest } from './helper-messages.ts';
import { helperGone, helperLate, problemError, storeClosed } from './keychain-problems.ts';

export interface HelperProcessOptions {
  /** The program to fork, built from `src/bin/keychain-helper.ts`. */
  readonly helperPath: string;
  /** The daemon's own: the helper finds D-Bus by it. Not all of it is handed on. */
  readonly environment: NodeJS.ProcessEnv;
}

interface Running {
  readonly child: ChildProcess;
  /** Those who wait for an answer, by the id of their request. */
  readonly waiting: Map<number, (answer: HelperAnswer) => void>;
}

/**
 * The daemon's end of its keychain helper: starts one when it is first needed, kills it when it is late, and starts
 * another at the next call. SIGKILL always, since a process whose threads hang in keytar obeys nothing else.
 */
export class HelperProcess {
  readonly #options: HelperProcessOptions;
  #running: Running | null = null;
  #lastId = 0;
  #closed = false;

  constructor(options: HelperProcessOptions) {
    this.#options = options;
  }

  /**
   * A request may be performed twice: a helper that proves to be spent is replaced, and the next one asked again.
   * @throws ProblemError with what the helper answered, or `keychain_unavailable` when `deadline` aborts or it dies
   */
  async call(request: HelperRequest, deadline: AbortSignal): Promise<string | null> {
    let answer = await this.#ask(request, deadline);
    if (!answer.ok && answer.spent) answer = await this.#ask(request, deadline);
    if (!answer.ok) throw problemError(answer.problem);
    return answer.value;
  }

  /** Kills the helper, if one runs: calls under way fail with `problem`, and the next one starts another. */
  end(problem: Problem): void {
    if (this.#running !== null) this.#end(this.#running, problem);
  }

  /** Kills the helper, and waits for its end. Calls under way and later ones are `keychain_unavailable`. */
  async close(): Promise<void> {
    this.#closed = true;
    if (this.#running === null) return;
    const ended = once(this.#running.child, 'exit').catch(() => undefined); // it was never started
    this.end(storeClosed);
    await ended;
  }

  async #ask(request: HelperRequest, deadline: AbortSignal): Promise<HelperAnswer> {
    if (this.#closed) throw problemError(storeClosed);
    const running = (this.#running ??= this.#start());
    const id = ++this.#lastId;
    const answer = new Promise<HelperAnswer>((answered) => {
      running.waiting.set(id, answered);
      const message: NumberedRequest = { id, ...request };
      running.child.send(message, (error) => error && this.#end(running, helperGone('could not be reached')));
    });
    try {
      return await orAborted(answer, deadline);
    } catch (error) {
      this.#end(running, helperGone('was ended because another request got stuck'));
      throw problemError(helperLate, error);
    } finally {
      running.waiting.delete(id);
    }
  }

  #start(): Running {
    const child = fork(this.#options.helperPath, [], {
      env: helperEnvironment(this.#options.environment),
      execArgv: [],
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    });
    const running: Running = { child, waiting: new Map() };
    const end = (reason: string): void => this.#end(running, helperGone(reason));
    child.on('error', (error) => end(`could not be started: ${error.message}`));
    child.on('exit', (code, signal) => end(`ended (${signal ?? `exit code ${code}`})`));
    child.on('message', (message) => {
      const answer = answerIn(message);
      if (answer === null) return end('gave no proper answer');
      running.waiting.get(answer.id)?.(answer);
      if (!answer.ok && answer.spent) end('was replaced after a failure');
    });
    return running;
  }

  #end(running: Running, problem: Problem): void {
    // Only once: that it cannot be killed is an error of the child too.
    if (this.#running !== running) return;
    this.#running = null;
    running.child.kill('SIGKILL');
    for (const [id, answered] of running.waiting) answered({ id, ok: false, problem, spent: false });
  }
}

/** Nothing that steers Node, and nothing of ours or `yc`'s, which may hold a secret. D-Bus needs the most of the rest. */
const withheld = /^(NODE_|IAM_TOKEN|YC_|CREDENTIALS_DIRECTORY$)/i;

function helperEnvironment(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(environment).filter(([name]) => !withheld.test(name)));
}
