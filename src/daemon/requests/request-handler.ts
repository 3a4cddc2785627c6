import { protocolVersion } from '../../protocol/envelope.ts';
import type { ContainerAccess, DaemonMetrics, Method, MethodParams } from '../../protocol/method-types.ts';
import { parseRequest, type TypedRequest } from '../../protocol/parse-request.ts';
import type { Peer } from '../../protocol/peer.ts';
import { type Problem, IamTokenError, problemOf, renderProblem } from '../../shared/errors.ts';
import type { HintLine, HintProfile } from '../../shared/hint.ts';
import { daemonStoppingProblem } from '../../token/lifecycle.ts';
import { RequestCounts } from '../metrics/request-counts.ts';
import { createMethodHandlers, type MethodHandlerParts, type MethodHandlers } from './method-handlers.ts';
import { loginHintProfileOf } from '../profiles/profile-registry.ts';
import { type PendingResult, PendingRequests } from './pending-requests.ts';
import type { RequestContext } from './request-limits.ts';

/** The methods that another user may call on a system-wide daemon. */
const methodsForOtherUsers: ReadonlySet<Method> = new Set([
  'hello',
  'token',
  'status',
  'profiles',
  'subscribe',
]);

/** The methods that a program in a container may call. */
const methodsForContainers: ReadonlySet<Method> = new Set([...methodsForOtherUsers, 'awsCredentials']);

export interface RequestHandlerParts extends Omit<MethodHandlerParts, 'getMetrics'> {
  /** What the handler cannot count itself. */
  readonly getProcessMetrics: () => Omit<DaemonMetrics, 'requests' | 'waitingRequests'>;
  readonly getContainerAccess: () => ContainerAccess;
}

/** Answers the requests of all connections, each as soon as its result is ready. */
export class RequestHandler {
  readonly #parts: RequestHandlerParts;
  readonly #handlers: MethodHandlers;
  readonly #pendingRequests = new PendingRequests();
  readonly #counts = new RequestCounts();

  constructor(parts: RequestHandlerParts) {
    this.#parts = parts;
    const getMetrics = (): DaemonMetrics => ({
      ...parts.getProcessMetrics(),
      requests: this.#counts.read(),
      waitingRequests: this.#pendingRequests.count,
    });
    this.#handlers = createMethodHandlers({ ...parts, getMetrics });
  }

  readonly handle = (data: unknown, peer: Peer): void => {
    const parsed = parseRequest(data);
    if (parsed.kind === 'not_a_message') return peer.close('a frame without a message');
    if (parsed.kind === 'invalid') return this.#sendError({ id: parsed.id, peer }, parsed.problem);
    const { request } = parsed;
    const context: RequestContext = { id: request.id, peer, request };
    try {
      this.#requirePermission(request.method, peer);
      const result = callHandler(this.#handlers, request, peer);
      if (isPending(result)) void this.#respondAsync(context, result, this.#pendingRequests.add(context));
      else this.#sendResult(context, result);
    } catch (error) {
      this.#sendError(context, this.#logAndGetProblem(error));
    }
  };

  /** Answers every pending request: the daemon is stopping. */
  stop(): void {
    for (const context of this.#pendingRequests.removeAll()) this.#sendError(context, daemonStoppingProblem);
  }

  async #respondAsync(
    context: RequestContext,
    waitForResult: PendingResult<object>,
    signal: AbortSignal,
  ): Promise<void> {
    try {
      const result = await waitForResult(signal);
      if (this.#pendingRequests.remove(context)) this.#sendResult(context, result);
    } catch (error) {
      if (error === signal.reason) return;
      const problem = this.#logAndGetProblem(error);
      if (this.#pendingRequests.remove(context)) this.#sendError(context, problem);
    }
  }

  /** @throws IamTokenError `forbidden`; `bad_request` without the challenge of a Windows pipe */
  #requirePermission(method: Method, peer: Peer): void {
    if (method !== 'hello' && peer.isPreauthenticated !== true)
      this.#parts.peerAuthentication?.requireAuthenticated(peer);
    if (peer.isOtherUser && !methodsForOtherUsers.has(method)) {
      throw new IamTokenError({
        code: 'forbidden',
        message: `${commandOf(method)} is reserved for root and the user that the daemon runs as`,
        hint: 'ask the administrator of this machine',
      });
    }
    if (methodsForContainers.has(method) || this.#parts.getContainerAccess() !== 'tokens') return;
    const container = peer.findContainer?.() ?? null;
    if (container !== null) throw containerError(method, container);
  }

  #sendResult({ id, peer, request }: RequestContext, result: object): void {
    this.#counts.add(request?.method ?? 'invalid', 'success');
    peer.send({ v: protocolVersion, id, result });
  }

  #sendError({ id, peer, request }: RequestContext, problem: Problem): void {
    this.#counts.add(request?.method ?? 'invalid', problem.code);
    peer.send({ v: protocolVersion, id, error: renderProblem(problem, this.#hintProfileOf(request)) });
  }

  #hintProfileOf(request: TypedRequest | undefined): HintProfile {
    const { profiles } = this.#parts;
    const name = request !== undefined && 'profile' in request.params ? request.params.profile : undefined;
    const kind = request?.method === 'login' ? request.params.kind : undefined;
    return request?.method === 'login' && kind !== undefined
      ? loginHintProfileOf(profiles.registry, name, { ...request.params, kind })
      : profiles.getHintProfile(name);
  }

  #logAndGetProblem(error: unknown): Problem {
    const problem = problemOf(error);
    if (problem.code === 'internal') this.#parts.log.write('error', `a request failed: ${problem.message}`);
    return problem;
  }
}

/** Where the command has another name than the method. */
const commandNames: Readonly<Partial<Record<Method, string>>> = {
  awsCredentials: 'aws-credential-process',
  rename: 'profiles rename',
};

/** The command that calls a method, as users know it. */
function commandOf(method: Method): string {
  return `iam-token ${commandNames[method] ?? method}`;
}

/** Runs a command outside a Flatpak sandbox. */
const hostRunner = 'flatpak-spawn --host';

/** The operands of the commands that require some. */
const hostOperands: Readonly<Partial<Record<Method, string>>> = { use: 'NAME', rename: 'OLD NEW' };

function hostHintOf(method: Method): HintLine {
  const text = 'run it on the host, such as';
  if (method === 'login' || method === 'refresh' || method === 'unlock')
    return { text, runner: hostRunner, command: method };
  const words = [commandNames[method] ?? method, hostOperands[method]].join(' ').trim();
  return `${text}: ${hostRunner} iam-token ${words}`;
}

function containerError(method: Method, container: string): IamTokenError {
  return new IamTokenError({
    code: 'forbidden',
    message: `a program in a container may not call ${method} (${container})`,
    hint: [hostHintOf(method), 'or allow it to all containers, in config.yaml: peers: { containers: full }'],
  });
}

/** For one method at a time, TypeScript knows that its handler takes its params. */
function callHandler<M extends Method>(
  handlers: MethodHandlers,
  { method, params }: { readonly method: M; readonly params: MethodParams<M> },
  peer: Peer,
): object | PendingResult<object> {
  return handlers[method](params, peer);
}

function isPending(result: object): result is PendingResult<object> {
  return typeof result === 'function';
}
