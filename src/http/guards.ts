import type { IncomingMessage } from 'node:http';
import { failure, type HttpAnswer } from './http-answer.ts';

type Headers = IncomingMessage['headersDistinct'];

/**
 * Sent by browsers and by proxies that pass on what others asked, and never by the programs that we are for. Not
 * `Sec-Fetch-Mode`: Node's own fetch sends it.
 */
const foreignSigns = [
  'origin',
  'referer',
  'sec-fetch-site',
  'sec-fetch-dest',
  'x-forwarded-for',
  'forwarded',
  'via',
];

/** A page that is open in a browser, or a proxy that others use, may reach what only this machine can. */
export function refuseForeign(headers: Headers): HttpAnswer | null {
  const sign = foreignSigns.find((name) => headers[name] !== undefined);
  return sign === undefined ? null : refused(`this is not for browsers and proxies (${sign})`);
}

/** A page cannot send this header to another origin without being allowed to. */
export function refuseUnflavoured({ 'metadata-flavor': flavor }: Headers): HttpAnswer | null {
  return isOnly(flavor, 'Google') ? null : refused('Metadata-Flavor: Google is required');
}

/** A name that a page's own server rebinds to this address makes the address that page's own origin. */
export function refuseForeignHost({ host }: Headers, address: string): HttpAnswer | null {
  const local = address.replace(/^.*(?=:)/, 'localhost');
  const names = [address, local].flatMap((name) =>
    name.endsWith(':80') ? [name, name.slice(0, -3)] : [name],
  );
  return names.some((name) => isOnly(host, name)) ? null : refused(`Host: must be ${address}`);
}

export function refused(message: string): HttpAnswer {
  return failure({ code: 'bad_request', message }, 403);
}

function isOnly(values: readonly string[] | undefined, wanted: string): boolean {
  return values?.length === 1 && values[0]?.toLowerCase() === wanted.toLowerCase();
}
