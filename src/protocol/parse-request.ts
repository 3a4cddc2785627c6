import type { Problem } from '../shared/errors.ts';
import { protocolVersion, type RequestMessage } from './envelope.ts';
import type { Method, MethodDefinition, MethodParams } from './method-types.ts';
import * as methods from './methods.ts';
import { isObject, type Schema, validate } from './validate.ts';

/** A request with valid params. */
export type TypedRequest = {
  readonly [M in Method]: { readonly id: number; readonly method: M; readonly params: MethodParams<M> };
}[Method];

export type ParsedRequest =
  | { readonly kind: 'request'; readonly request: TypedRequest }
  /** `id` is `null` if the request has no valid one. */
  | { readonly kind: 'invalid'; readonly id: number | null; readonly problem: Problem }
  /** The peer does not speak the protocol; close the connection. */
  | { readonly kind: 'not_a_message' };

const definitions: { readonly [M in Method]: MethodDefinition<M> } = methods;
const paramsSchemas: ReadonlyMap<unknown, Schema> = new Map(
  Object.values(definitions).map(({ name, params }) => [name, params()]),
);

/** @param data of a frame. Unknown fields are dropped, for clients newer than this daemon. */
export function parseRequest(data: unknown): ParsedRequest {
  if (!isObject(data)) return { kind: 'not_a_message' };
  const { v: version, id, method, params = {} }: Partial<RequestMessage> = data;
  if (!isId(id)) {
    return invalid(null, { code: 'bad_request', message: 'id must be a whole number, 0 or more' });
  }
  if (version !== protocolVersion) {
    return invalid(id, {
      code: 'unsupported_version',
      message: `this daemon supports version ${protocolVersion} of the protocol only`,
      hint: 'install the same release of iam-token and iam-tokend',
    });
  }
  const schema = paramsSchemas.get(method);
  if (schema === undefined) return invalid(id, { code: 'unknown_method', message: 'unknown method' });
  if (!isObject(params)) return invalid(id, { code: 'bad_request', message: 'params must be an object' });
  const validation = validate(schema, params, 'params');
  if (!validation.ok) return invalid(id, { code: 'bad_request', message: validation.issue });
  return { kind: 'request', request: { id, method, params: validation.value } as TypedRequest };
}

function invalid(id: number | null, problem: Problem): ParsedRequest {
  return { kind: 'invalid', id, problem };
}

function isId(id: unknown): id is number {
  return typeof id === 'number' && Number.isSafeInteger(id) && id >= 0;
}
