import { BlockList, isIP } from 'node:net';

const neverProxied = new BlockList();
neverProxied.addSubnet('127.0.0.0', 8, 'ipv4');
neverProxied.addAddress('::1', 'ipv6');
neverProxied.addAddress('169.254.169.254', 'ipv4');

/**
 * Whether a host is this machine, or its metadata address, which another machine would answer for itself.
 * @param hostname as `URL` has it: lower case, numbers in one form, an IPv6 address in brackets
 */
export function isNeverProxied(hostname: string): boolean {
  const address = hostname.replace(/^\[|\]$/g, '');
  if (isIP(address) === 0) return hostname === 'localhost' || hostname.endsWith('.localhost');
  return neverProxied.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4');
}
