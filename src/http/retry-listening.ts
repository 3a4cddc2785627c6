import type { Clock } from '../shared/clock.ts';
import { errorCode, errorReason } from '../shared/error-utils.ts';
import type { Problem } from '../shared/errors.ts';
import type { Log } from '../shared/log.ts';
import type { HttpServer } from './http-server.ts';
import { findListenerCommand, findListeningUid } from './listening-user.ts';

/** A program that holds the address may end, and an interface may appear. */
const retryIntervalMs = 30_000;

/** An HTTP server whose address may not be available yet. */
export interface RetryingHttpServer extends HttpServer {
  /** Why it does not listen; `null` while it does. */
  problem(): Problem | null;
}

/**
 * `listen` tries once, logs a failure and resolves; the server is then tried again every 30 s, so that the rest of the
 * daemon works.
 * @param setting the name of the setting in messages
 */
export function retryListening(
  server: HttpServer,
  setting: string,
  { host, port }: { readonly host: string; readonly port: number },
  { clock, log }: { readonly clock: Clock; readonly log: Log },
): RetryingHttpServer {
  let problem: Problem | null = null;
  let isClosed = false;
  const alarm = clock.createAlarm(() => {
    if (problem !== null) void listen();
  });
  return {
    ...server,
    problem: () => problem,
    listen,
    close: async () => {
      isClosed = true;
      alarm.cancel();
      await server.close();
    },
  };

  async function listen(): Promise<void> {
    try {
      await server.listen();
      if (isClosed) return server.close();
      problem = null;
      log.write('info', `${setting}: listening`, { address: server.address() });
    } catch (error) {
      await handleFailure(error);
    }
  }

  async function handleFailure(error: unknown): Promise<void> {
    const isInUse = errorCode(error) === 'EADDRINUSE';
    const uid = isInUse ? await findListeningUid({ host, port }) : null;
    const isOtherUser = uid !== null && uid !== process.getuid?.();
    if (isClosed) return;
    const owner = isOtherUser ? ` by a program of another user (uid ${uid})` : '';
    const reason = isInUse ? `the address is in use${owner}` : errorReason(error);
    const message = `${setting}: cannot listen on ${host}:${port}: ${reason}; retrying every 30 s`;
    // Logged once, not at every attempt.
    if (problem?.message !== message) log.write('error', message);
    const otherAddress = `or choose another port in config.yaml: ${setting}`;
    problem = { code: 'unavailable', message, hint: [findListenerCommand(port, isOtherUser), otherAddress] };
    alarm.set(clock.now().monotonicMs + retryIntervalMs);
  }
}
