/** The only hosts that may be used without TLS. */
const loopbackHostPattern = /^(?:127(?:\.\d{1,3}){3}|\[::1\]|localhost)$/;

/**
 * The base URL of a service, without a slash at its end.
 * @returns `null` unless it is an https URL, or an http one of a loopback address, with nothing but host and path
 */
export function parseEndpoint(text: string): string | null {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '')
    return null;
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && loopbackHostPattern.test(url.hostname)))
    return null;
  return url.href.replace(/\/+$/, '');
}

/** For messages: the rule that `parseEndpoint` checks. */
export const endpointRule = 'must be an https URL (http only for a loopback address)';

/** The IAM API of Yandex Cloud (yandex.cloud/en/docs/iam/api-ref, November 2026). */
export const defaultIamEndpoint = 'https://iam.api.cloud.yandex.net';

/** Whether a service runs on this machine, such as the emulator of the tests. */
export function isLoopbackUrl(url: string): boolean {
  return loopbackHostPattern.test(new URL(url).hostname);
}

/** The default audience of an IAM endpoint. */
export function defaultAudienceOf(endpoint: string): string {
  return `${endpoint}/iam/v1/tokens`;
}
