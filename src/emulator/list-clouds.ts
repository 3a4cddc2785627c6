import { json, rpcCode, rpcStatus } from './reply.ts';
import type { Route } from './route.ts';

const clouds = [
  {
    id: 'b1gemulator000000001',
    createdAt: '2024-03-01T09:00:00Z',
    name: 'demo',
    organizationId: 'bpfemulator000000001',
  },
  {
    id: 'b1gemulator000000002',
    createdAt: '2025-07-15T12:30:00Z',
    name: 'demo-staging',
    organizationId: 'bpfemulator000000001',
  },
];

/** The request with which the documentation shows what an IAM token is for. */
export const listClouds: Route = {
  method: 'GET',
  path: '/resource-manager/v1/clouds',
  suffersFaults: false,
  logged: true,
  answer({ headers }, service) {
    const token = /^Bearer (\S+)$/i.exec(headers.authorization ?? '')?.[1];
    return token === undefined || service.mint.subjectOf(token, service.nowMs()) === null
      ? rpcStatus(rpcCode.unauthenticated, 'Token is invalid or has expired.')
      : json({ clouds });
  },
};
