import { BlockList, isIP } from 'node:net';

export interface ProxyRules {
  /** URL of an HTTP proxy. */
  readonly proxy: string | null;
  /**
   * Hosts that bypass the proxy, as curl and Go read `NO_PROXY`: a domain or `.domain` or `*.domain`, each with its
   * subdomains; an address, or a range such as `10.0.0.0/8`; each with or without a port; `*`.
   */
  readonly noProxy: readonly string[];
}

/**
 * The proxy for a URL, or `null` for a direct connection. Loopback addresses and the metadata address of virtual
 * machines never use a proxy: another machine would answer for itself.
 */
export function proxyFor(url: string, { proxy, noProxy }: ProxyRules): string | null {
  const { hostname, port, protocol } = new URL(url);
  if (proxy === null || isLocalHost(hostname)) return null;
  const effectivePort = port || (protocol === 'https:' ? '443' : '80');
  return noProxy.some((rule) => matchesRule(rule.toLowerCase(), unbracket(hostname), effectivePort))
    ? null
    : proxy;
}

const localAddresses = new BlockList();
localAddresses.addSubnet('127.0.0.0', 8, 'ipv4');
localAddresses.addAddress('::1', 'ipv6');
localAddresses.addAddress('169.254.169.254', 'ipv4');

/** @param hostname as `URL` has it: lower case, numbers normalized, an IPv6 address in brackets */
function isLocalHost(hostname: string): boolean {
  const host = unbracket(hostname);
  return isIP(host) === 0
    ? host === 'localhost' || host.endsWith('.localhost')
    : localAddresses.check(host, familyOf(host));
}

function matchesRule(rule: string, host: string, port: string): boolean {
  if (rule === '*') return true;
  const { pattern, rulePort } = splitPort(rule);
  if (rulePort !== null && rulePort !== port) return false;
  if (isIP(host) !== 0) return matchesAddress(pattern, host);
  const domain = pattern.replace(/^\*?\./, '').replace(/\.$/, '');
  const name = host.replace(/\.$/, '');
  return domain !== '' && (name === domain || name.endsWith(`.${domain}`));
}

/** `host:port`, `[address]:port` or `[address]`; an IPv6 address without brackets has no port. */
function splitPort(rule: string): { readonly pattern: string; readonly rulePort: string | null } {
  const [, bracketed, name, rulePort = null] = /^(?:\[([^\]]*)\]|([^:]*))(?::(\d+))?$/.exec(rule) ?? [];
  return { pattern: bracketed ?? name ?? rule, rulePort };
}

/** @param pattern an address, or an address and the length of a prefix */
function matchesAddress(pattern: string, host: string): boolean {
  const [address = '', prefixLength] = pattern.split('/');
  if (isIP(address) === 0 || (prefixLength !== undefined && !/^\d{1,3}$/.test(prefixLength))) return false;
  const bits = isIP(address) === 6 ? 128 : 32;
  const length = prefixLength === undefined ? bits : Number(prefixLength);
  if (length > bits) return false;
  const range = new BlockList();
  range.addSubnet(address, length, familyOf(address));
  return range.check(host, familyOf(host));
}

function familyOf(address: string): 'ipv4' | 'ipv6' {
  return isIP(address) === 6 ? 'ipv6' : 'ipv4';
}

function unbracket(hostname: string): string {
  return hostname.replace(/^\[|\]$/g, '');
}
