import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { formatIsoTime } from '../../src/shared/clock.ts';
import { applyFault, createDelivery, type NormalizedFault } from './faults.ts';
import { IamService, type IamServiceOptions } from './iam-service.ts';
import { RouteError, rpcError, type RouteResponse, rpcCode } from './route-response.ts';
import { matchPath, type RouteRequest, type Route } from './routes/route.ts';
import { routes } from './routes/routes.ts';

const maxBodyBytes = 64 * 1024;

/** A running IAM service, for tests and the demo. */
export class Emulator extends IamService {
  readonly #server = createServer((request, response) => {
    this.#serve(request, response).catch((error: unknown) => {
      // A disconnected client is not an error.
      if (!response.destroyed) throw error;
    });
  });

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async listen(port: number): Promise<void> {
    this.#server.listen(port, '127.0.0.1');
    await once(this.#server, 'listening');
  }

  /** Closes every connection, hanging ones too. */
  async close(): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = '', url = '', headers } = request;
    const [path = '', query = ''] = url.split('?', 2);
    response.sendDate = false;
    const body = await text(request);

    const route = routes.find(
      (candidate) => candidate.method === method && matchPath(candidate, path) !== null,
    );
    const id = route === undefined ? '' : (matchPath(route, path) ?? '');
    const routeRequest = { headers, body, id, query: new URLSearchParams(query) };
    const fault = this.#findFault(route, path);
    const routeResponse = this.#createResponse(route, path, routeRequest);
    const delivery = fault === null ? createDelivery(routeResponse) : applyFault(fault, routeResponse);
    if (route?.isControlRoute !== true) {
      this.logRequest({
        at: formatIsoTime(this.nowMs()),
        method,
        path: route === undefined ? '(unknown)' : path,
        status: delivery.status,
        fault: fault?.kind ?? null,
      });
    }
    response.setHeader('date', new Date(this.nowMs()).toUTCString());
    delivery.send(response);
  }

  /** A request with another method than the route's, as a look whether the service answers, fails with the route. */
  #findFault(route: Route | undefined, path: string): NormalizedFault | null {
    if (route !== undefined)
      return route.isFaultExempt || !this.isFaulty(`${route.method} ${route.path}`)
        ? null
        : this.consumeFault();
    const isOfService = routes.some(
      (other) => matchPath(other, path) !== null && other.isFaultExempt !== true,
    );
    return isOfService ? this.currentFault : null;
  }

  #createResponse(route: Route | undefined, path: string, routeRequest: RouteRequest): RouteResponse {
    try {
      if (Buffer.byteLength(routeRequest.body) > maxBodyBytes)
        throw rpcError(rpcCode.invalidArgument, 'The request body is too large');
      if (route !== undefined) return route.respond(routeRequest, this);
      throw routes.some((candidate) => matchPath(candidate, path) !== null)
        ? rpcError(rpcCode.unimplemented, 'Method Not Allowed')
        : rpcError(rpcCode.notFound, 'Not Found');
    } catch (error) {
      if (error instanceof RouteError) return error.response;
      throw error;
    }
  }
}

export interface EmulatorOptions extends IamServiceOptions {
  /** On 127.0.0.1; a free one unless given. */
  readonly port?: number;
}

export async function startEmulator(options: EmulatorOptions): Promise<Emulator> {
  const emulator = new Emulator(options);
  await emulator.listen(options.port ?? 0);
  return emulator;
}
