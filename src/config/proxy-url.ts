/** Schemes of proxies that curl knows and this program does not. */
const otherSchemePattern = /^(?:socks\w*|quic|ftp)$/i;

export type ProxyUrl =
  /** With its scheme; user and password as they were written. */
  { readonly ok: true; readonly url: string } | { readonly ok: false; readonly rule: string };

/**
 * Reads the address of a proxy, of `config.yaml` and `HTTPS_PROXY`, as curl does (curl.se/docs/manpage.html, `--proxy`):
 * without a scheme it is an HTTP proxy.
 */
export function parseProxyUrl(text: string): ProxyUrl {
  const [, scheme = 'http', authority = ''] = /^(?:([a-z][a-z\d+.-]*):\/\/)?(.*?)\/?$/is.exec(text) ?? [];
  const url = `${scheme.toLowerCase()}://${authority}`;
  if (otherSchemePattern.test(scheme))
    return { ok: false, rule: 'must be an HTTP proxy: no other kind is supported' };
  // With one of these characters in its password, another host would be reached.
  if (/@/.test(text) && /[#?/\\]/.test(authority)) {
    return { ok: false, rule: `${proxyRule}; in a password, # is %23, / is %2F and ? is %3F` };
  }
  const isUrl = /^https?:\/\/[^/\s#?\\]+$/.test(url) && URL.canParse(url);
  return isUrl ? { ok: true, url } : { ok: false, rule: proxyRule };
}

const proxyRule = 'must be the address of a proxy, such as http://proxy:3128';
