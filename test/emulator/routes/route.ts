import type { IncomingHttpHeaders } from 'node:http';
import type { IamService } from '../iam-service.ts';
import type { RouteResponse } from '../route-response.ts';

export interface RouteRequest {
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  /** The last part of the path, where the route has `{id}`; otherwise empty. */
  readonly id: string;
  readonly query: URLSearchParams;
}

/** One method and path of the service. */
export interface Route {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** May end in `{id}`. */
  readonly path: string;
  /** Faults do not affect this route. */
  readonly isFaultExempt?: true;
  /** Requests to control the emulator are not logged. */
  readonly isControlRoute?: true;
  /** @throws RouteError */
  respond(request: RouteRequest, service: IamService): RouteResponse;
}

/** The `id` of a path that belongs to the route, empty if the route has none; `null` for the path of another. */
export function matchPath({ path: pattern }: Route, path: string): string | null {
  if (pattern === path) return '';
  const prefix = pattern.endsWith('/{id}') ? pattern.slice(0, -'{id}'.length) : null;
  const id = prefix !== null && path.startsWith(prefix) ? path.slice(prefix.length) : '';
  return id === '' || id.includes('/') ? null : decodeURIComponent(id);
}
