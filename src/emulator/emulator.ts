import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { isoTime } from '../shared/clock.ts';
import { faulted, whole } from './faults.ts';
import { IamService, type ServiceOptions } from './iam-service.ts';
import { Refusal, refusal, type Reply, rpcCode } from './reply.ts';
import type { Call, Route } from './route.ts';
import { routes } from './routes.ts';

const longestBodyBytes = 64 * 1024;

/** A running IAM service, for tests and the demo. */
export class Emulator extends IamService {
  readonly #server = createServer((request, response) => {
    this.#serve(request, response).catch((thrown: unknown) => {
      // Whoever called may have gone in the middle; anything else is a fault of ours.
      if (!response.destroyed) throw thrown;
    });
  });

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async listen(port: number): Promise<void> {
    this.#server.listen(port, '127.0.0.1');
    await once(this.#server, 'listening');
  }

  /** Ends every connection, also those that hang. */
  async close(): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = '', url = '', headers } = request;
    const [path = ''] = url.split('?', 1);
    response.sendDate = false;
    const call = { headers, body: await text(request) };

    const route = routes.find((row) => row.method === method && row.path === path);
    const fault = route === undefined || route.isSpared ? null : this.nextFault();
    const reply = this.#replyOf(route, path, call);
    const delivery = fault === null ? whole(reply) : faulted(fault, reply);
    if (route?.isUnlogged !== true) {
      this.log({
        at: isoTime(this.nowMs()),
        method,
        path: route === undefined ? '(unknown)' : path,
        status: delivery.status,
        fault: fault?.kind ?? null,
      });
    }
    response.setHeader('date', new Date(this.nowMs()).toUTCString());
    delivery.send(response);
  }

  #replyOf(route: Route | undefined, path: string, call: Call): Reply {
    try {
      if (Buffer.byteLength(call.body) > longestBodyBytes)
        throw refusal(rpcCode.invalidArgument, 'The request body is too large');
      if (route !== undefined) return route.answer(call, this);
      throw routes.some((row) => row.path === path)
        ? refusal(rpcCode.unimplemented, 'Method Not Allowed')
        : refusal(rpcCode.notFound, 'Not Found');
    } catch (thrown) {
      if (thrown instanceof Refusal) return thrown.reply;
      throw thrown;
    }
  }
}

export interface EmulatorOptions extends ServiceOptions {
  /** On 127.0.0.1; any free one unless given. */
  readonly port?: number;
}

export async function startEmulator(options: EmulatorOptions): Promise<Emulator> {
  const emulator = new Emulator(options);
  await emulator.listen(options.port ?? 0);
  return emulator;
}
