import type { HttpResponse } from '../shared/http-client.ts';

/** The JSON object that a body is; `null` for anything else. */
export function jsonObject(text: string): object | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && !Array.isArray(value) ? value : null;
  } catch {
    // That it is no JSON is an answer too: the same as for any other thing that is no object.
    return null;
  }
}

/** Words for an answer that is not the service's own; nothing of it is quoted. */
export function strangeBody({ status, headers, body }: HttpResponse): string {
  if (status >= 300 && status <= 399) return 'a redirect, which is not followed';
  if (body.trim() === '') return 'an empty body';
  if (headers.get('content-type')?.includes('html') === true || body.trimStart().startsWith('<')) {
    return 'a web page: a proxy or the login page of a network stands between';
  }
  return 'something that is no JSON object';
}
