import { bearerOf } from './bearer.ts';
import { json } from './reply.ts';
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
  isSpared: true,
  answer(call, service) {
    const bearer = bearerOf(call, service);
    return bearer.ok ? json({ clouds }) : bearer.reply;
  },
};
