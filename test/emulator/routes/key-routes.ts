/** The methods for the authorized keys of service accounts (yandex.cloud/en/docs/iam/api-ref/Key). */
import { randomBytes } from 'node:crypto';
import * as v from 'valibot';
import { formatIsoTime } from '../../../src/shared/clock.ts';
import type { IamService } from '../iam-service.ts';
import type { KeyPermission, RegisteredKey } from '../key-registry.ts';
import { jsonResponse, rpcCode, rpcError } from '../route-response.ts';
import { authenticateCaller, parseJsonBody, permissionDeniedError } from './iam-routes.ts';
import type { Route, RouteRequest } from './route.ts';

/** yandex.cloud/en/docs/iam/api-ref/Key/create. */
const createKeySchema = v.strictObject({
  serviceAccountId: v.optional(v.pipe(v.string(), v.maxLength(50)), ''),
  description: v.optional(v.pipe(v.string(), v.maxLength(256)), ''),
  keyAlgorithm: v.optional(v.picklist(['RSA_2048', 'RSA_4096']), 'RSA_2048'),
});

const createKey: Route = {
  method: 'POST',
  path: '/iam/v1/keys',
  respond(request, service) {
    const caller = authenticateCaller(request, service);
    const { serviceAccountId: requestedId, ...details } = parseJsonBody(request, createKeySchema);
    const serviceAccountId = requestedId || caller;
    requirePermission('create', caller, serviceAccountId, service);
    const created = service.keys.create({ serviceAccountId, ...details });
    if (created === null) {
      throw rpcError(rpcCode.resourceExhausted, 'The limit on authorized keys of the account is exceeded');
    }
    return jsonResponse({ key: describeKey(created.key), privateKey: created.privateKey });
  },
};

const maxPageSize = 1_000;

const listKeys: Route = {
  method: 'GET',
  path: '/iam/v1/keys',
  respond(request, service) {
    const caller = authenticateCaller(request, service);
    const serviceAccountId = request.query.get('serviceAccountId') || caller;
    requirePermission('list', caller, serviceAccountId, service);
    const pageSize = Number(request.query.get('pageSize') ?? 100);
    if (!Number.isSafeInteger(pageSize) || pageSize < 1 || pageSize > maxPageSize)
      throw rpcError(rpcCode.invalidArgument, 'Illegal argument: pageSize');
    const start = Number(request.query.get('pageToken') ?? 0);
    const keys = service.keys.list(serviceAccountId);
    const next = start + pageSize;
    return jsonResponse({
      keys: keys.slice(start, next).map(describeKey),
      ...(next < keys.length ? { nextPageToken: String(next) } : {}),
    });
  },
};

const getKey: Route = {
  method: 'GET',
  path: '/iam/v1/keys/{id}',
  respond: (request, service) => jsonResponse(describeKey(findKey('list', request, service))),
};

/** Returns an operation, which has ended. */
const deleteKey: Route = {
  method: 'DELETE',
  path: '/iam/v1/keys/{id}',
  respond(request, service) {
    const { id } = findKey('delete', request, service);
    service.keys.delete(id);
    const metadata = { '@type': 'type.googleapis.com/yandex.cloud.iam.v1.DeleteKeyMetadata', keyId: id };
    return jsonResponse({ id: `ajeo${randomBytes(8).toString('hex')}`, done: true, metadata, response: {} });
  },
};

/** Of a key that the caller may not see, IAM does not tell whether it exists. @throws RouteError */
function findKey(permission: KeyPermission, request: RouteRequest, service: IamService): RegisteredKey {
  const caller = authenticateCaller(request, service);
  const key = service.keys.find(request.id);
  requirePermission(permission, caller, key?.serviceAccountId ?? caller, service);
  if (key === undefined) throw rpcError(rpcCode.notFound, `Key ${request.id} not found`);
  return key;
}

/** @throws RouteError */
function requirePermission(
  permission: KeyPermission,
  caller: string,
  serviceAccountId: string,
  service: IamService,
): void {
  if (!service.keys.isGranted(permission, caller, serviceAccountId)) throw permissionDeniedError();
}

function describeKey(key: RegisteredKey): object {
  const { id, serviceAccountId, createdAtMs, description, keyAlgorithm, publicKey, lastUsedAtMs } = key;
  return {
    id,
    serviceAccountId,
    createdAt: formatIsoTime(createdAtMs),
    ...(description === '' ? {} : { description }),
    keyAlgorithm,
    publicKey,
    ...(lastUsedAtMs === null ? {} : { lastUsedAt: formatIsoTime(lastUsedAtMs) }),
  };
}

export const keyRoutes: readonly Route[] = [createKey, listKeys, getKey, deleteKey];
