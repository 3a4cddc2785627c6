import * as v from 'valibot';

/** Further registries that take an IAM token, in `config.yaml`. */
export const registriesSchema = v.array(
  v.pipe(
    v.string(),
    v.transform(parseRegistry),
    v.string('must be the host of a registry, such as registry.example.com or registry.example.com:5000'),
  ),
);

/**
 * The host of a registry, and its port if that is not 443, from `cr.yandex`, `https://cr.yandex` or `https://cr.yandex/v2/`.
 * Names of hosts are compared in lower case, without a dot at the end.
 * @returns `null` for anything else, such as a registry without TLS
 */
export function parseRegistry(text: string): string | null {
  const [, host, port] =
    /^(?:https:\/\/)?([a-z\d][a-z\d._-]*?)\.?(:\d{1,5})?(?:\/[\w./-]*)?$/i.exec(text.trim()) ?? [];
  if (host === undefined) return null;
  return host.toLowerCase() + (port === undefined || port === ':443' ? '' : port);
}
