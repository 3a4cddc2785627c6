/** Hosts of this machine: the only ones trusted without TLS. */
const loopback = /^(?:127(?:\.\d{1,3}){3}|\[::1\]|localhost)$/;

/**
 * The base URL of a service, without a slash at its end.
 * @returns `null` unless it is an https URL, or an http one of a loopback address, with nothing but host and path
 */
export function endpointOf(text: string): string | null {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '')
    return null;
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && loopback.test(url.hostname))) return null;
  return url.href.replace(/\/+$/, '');
}

/** What the base URL of a service must be, for messages. */
export const endpointRule = 'must be an https URL (http only for a loopback address)';

/** Whether a service runs on this machine, as the emulator does. */
export function isLoopbackUrl(url: string): boolean {
  return loopback.test(new URL(url).hostname);
}

/** The audience that goes with an endpoint of IAM, where nobody names another. */
export function audienceOf(endpoint: string): string {
  return `${endpoint}/iam/v1/tokens`;
}

/** The URL of a proxy; `HTTPS_PROXY` has this form too. */
export const proxyPattern = /^https?:\/\/[^/\s]+\/?$/;
