import { readFileSync } from 'node:fs';
import { isIPv4 } from 'node:net';
import * as v from 'valibot';
import { durationMs } from '../shared/duration.ts';
import { audienceOf, endpointOf, endpointRule, proxyPattern } from '../shared/endpoint.ts';
import { logLevels } from '../shared/log.ts';
import { messageOf } from '../shared/thrown.ts';
import { storeKey } from './store-key.ts';

/** Where credentials are kept. */
export const storeKind = oneOf(['keychain', 'file', 'memory']);
export const logLevel = oneOf(logLevels);

export const endpoint = v.pipe(v.string(), v.transform(endpointOf), v.string(endpointRule));
const proxyForm = 'must be the URL of a proxy, like http://proxy:3128';
export const proxy = v.pipe(v.string(), v.regex(proxyPattern, proxyForm));

const noTime = 'must be a time, like 8s';
const timeout = v.pipe(
  v.string(noTime),
  v.transform(durationMs),
  v.number(noTime),
  v.minValue(100, 'must be at least 100ms'),
  v.maxValue(60_000, 'must be at most 60s'),
);

/** Without one, Node trusts nobody new and says nothing. */
const pemCertificate = /-----BEGIN (?:X509 |TRUSTED )?CERTIFICATE-----/;
const certificates = v.pipe(
  v.string(),
  v.regex(/^\//, 'must be an absolute path'),
  v.rawTransform<string, string>(({ dataset, addIssue, NEVER }) => {
    try {
      return readFileSync(dataset.value, 'utf8');
    } catch (cause) {
      addIssue({ message: `cannot be read: ${messageOf(cause)}` });
      return NEVER;
    }
  }),
  v.regex(pemCertificate, 'holds no certificate in PEM'),
);

const noListen = 'must be a loopback address and a port, like "127.0.0.1:8099"';
const listen = v.pipe(
  v.string(noListen),
  v.transform(loopbackAddress),
  v.custom<NonNullable<ReturnType<typeof loopbackAddress>>>((value) => value !== null, noListen),
);

/** By number: what a name stands for can change. Port 0 is any that is free. */
function loopbackAddress(text: string): { readonly host: string; readonly port: number } | null {
  const { v4, port } = /^(?:(?<v4>127\.[\d.]+)|\[::1\]):(?<port>\d{1,5})$/.exec(text)?.groups ?? {};
  if ((v4 !== undefined && !isIPv4(v4)) || !(Number(port) <= 65_535)) return null;
  return { host: v4 ?? '::1', port: Number(port) };
}

const iam = v.pipe(
  v.strictObject({
    endpoint: v.nullish(endpoint, 'https://iam.api.cloud.yandex.net'),
    /** What a JWT for it has as `aud`. */
    audience: v.nullish(v.pipe(v.string(), v.minLength(1, 'must not be empty'))),
    /** For one exchange. */
    timeout: v.nullish(timeout, '8s'),
  }),
  v.transform(({ endpoint, audience, timeout }) => ({
    endpoint,
    audience: audience ?? audienceOf(endpoint),
    timeoutMs: timeout,
  })),
);

const network = v.pipe(
  v.strictObject({ proxy: v.nullish(proxy), caFile: v.nullish(certificates) }),
  v.transform(({ proxy, caFile }) => ({
    proxy: proxy ?? null,
    /** Hosts that are asked directly, as `NO_PROXY` lists them: no file has these. */
    noProxy: [] as readonly string[],
    certificates: caFile ?? null,
  })),
);

const metadata = v.strictObject({
  listen: v.nullish(listen, null),
  /** Whether peers with another uid are answered. */
  allowAnyLocalUser: v.nullish(v.boolean(), false),
});

/** What is wrong with a cron pattern, or `null`. */
export type ScheduleFault = (pattern: string) => string | null;

function refresh(scheduleFault: ScheduleFault) {
  const schedule = v.pipe(
    v.string(),
    v.check(
      (pattern) => scheduleFault(pattern) === null,
      ({ input }) => `${scheduleFault(input)}`,
    ),
  );
  return v.pipe(
    v.strictObject({ schedule: v.nullish(schedule, null), spread: v.nullish(v.boolean(), true) }),
    v.transform(({ schedule, spread }) => ({
      /** A cron pattern in the machine's time zone. */
      schedule: schedule ?? '0 * * * *',
      /** Each host and profile at its own place in the hour; for the default schedule only. */
      spread: schedule === null && spread,
    })),
  );
}

/** `config.yaml`, with the default for each key that is not there. */
export function configSchema(scheduleFault: ScheduleFault) {
  return v.strictObject({
    store: v.nullish(storeKind, 'keychain'),
    /** Of the file store. */
    file: v.nullish(storeKey, { key: 'passphrase' }),
    log: v.nullish(v.strictObject({ level: v.nullish(logLevel, 'info') }), {}),
    refresh: v.nullish(refresh(scheduleFault), {}),
    iam: v.nullish(iam, {}),
    network: v.nullish(network, {}),
    /** Whether there is `http.sock` beside the socket. */
    http: v.nullish(v.strictObject({ socket: v.nullish(v.boolean(), false) }), {}),
    metadata: v.nullish(metadata, {}),
  });
}

export type ConfigSchema = ReturnType<typeof configSchema>;
/** What the daemon goes by, from flags, environment, `config.yaml` and defaults, in that order; parsed once. */
export type Config = Frozen<v.InferOutput<ConfigSchema>>;
type Frozen<T> = { readonly [K in keyof T]: Frozen<T[K]> };

function oneOf<const T extends readonly string[]>(words: T): v.PicklistSchema<T, string> {
  return v.picklist(words, `must be one of ${words.join(', ')}`);
}
