import { json } from './reply.ts';
import type { Route } from './route.ts';

/**
 * What a VM's own metadata service answers, at an address of its own there: 404 where no service account is attached,
 * and nothing to whoever does not send the header that a web page cannot.
 */
export const metadataToken: Route = {
  method: 'GET',
  path: '/computeMetadata/v1/instance/service-accounts/default/token',
  answer({ headers }, service) {
    if (headers['metadata-flavor'] !== 'Google') return plain(403, 'Metadata-Flavor: Google is required');
    const serviceAccountId = service.serviceAccounts.attached();
    if (serviceAccountId === null) return plain(404, 'Not Found');
    const { token, expiresAtMs } = service.issue(serviceAccountId);
    return json({
      access_token: token,
      expires_in: Math.floor((expiresAtMs - service.nowMs()) / 1_000),
      token_type: 'Bearer',
    });
  },
};

function plain(status: number, body: string) {
  return { status, headers: { 'content-type': 'text/plain' }, body };
}
