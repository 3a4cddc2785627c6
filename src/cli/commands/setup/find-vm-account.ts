import type { Clock } from '../../../shared/clock.ts';
import { isLoopbackUrl } from '../../../shared/endpoint.ts';
import { metadataTokenPath, metadataUrl } from '../../../sources/kinds/metadata-address.ts';

/** A VM's own metadata service answers within a few milliseconds. */
const timeoutMs = 300;

/**
 * Whether this is a VM with a service account. Only the status is read: the token in the response is dropped.
 * @param endpoint of IAM; on a loopback address, it is an emulator with a metadata service of its own
 */
export async function hasVmAccount(endpoint: string | undefined, clock: Clock): Promise<boolean> {
  const baseUrl = endpoint !== undefined && isLoopbackUrl(endpoint) ? endpoint : metadataUrl;
  const { get } = await import('node:http');
  return new Promise((resolve) => {
    const signal = clock.timeoutSignal(timeoutMs);
    const options = { headers: { 'metadata-flavor': 'Google' }, agent: false, signal } as const;
    const request = get(baseUrl + metadataTokenPath, options, ({ statusCode }) => {
      resolve(statusCode === 200);
      request.destroy();
    });
    request.on('error', () => resolve(false));
  });
}
