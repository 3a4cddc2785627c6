import type { IncomingHttpHeaders } from 'node:http';
import type { IamService } from '../iam-service.ts';
import type { RouteResponse } from '../route-response.ts';

export interface RouteRequest {
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** One method and path of the service. */
export interface Route {
  readonly method: 'GET' | 'POST' | 'PUT';
  readonly path: string;
  /** Faults do not affect this route. */
  readonly isFaultExempt?: true;
  /** Requests to control the emulator are not logged. */
  readonly isControlRoute?: true;
  /** @throws RouteError */
  respond(request: RouteRequest, service: IamService): RouteResponse;
}
