/** `HTTPS_PROXY` has this form too. */
export const proxyPattern = /^https?:\/\/[^/\s]+\/?$/;
export const proxyForm = 'must be the URL of a proxy, like http://proxy:3128';
