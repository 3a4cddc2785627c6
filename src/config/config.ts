import { isIPv4, isIPv6 } from 'node:net';
import * as v from 'valibot';
import { parseDuration } from '../shared/duration.ts';
import { defaultAudienceOf, defaultIamEndpoint, parseEndpoint, endpointRule } from '../shared/endpoint.ts';
import { logLevels } from '../shared/log.ts';
import { parseProxyUrl } from './proxy-url.ts';
import { pathModuleOf } from '../platform/paths.ts';
import type { PemCertificates } from './pem-certificates.ts';
import { registriesSchema } from './registries.ts';
import { createStoreKeySchema } from './store-key-schema.ts';

export const storeKindSchema = oneOf(['keychain', 'file', 'memory']);
export const logLevelSchema = oneOf(logLevels);

export const endpointSchema = v.pipe(v.string(), v.transform(parseEndpoint), v.string(endpointRule));
export const proxySchema = v.pipe(
  v.string(),
  v.rawTransform<string, string>(({ dataset, addIssue, NEVER }) => {
    const proxy = parseProxyUrl(dataset.value);
    if (proxy.ok) return proxy.url;
    addIssue({ message: proxy.rule });
    return NEVER;
  }),
);

const timeoutRule = 'must be a time, such as 8s';
const timeoutSchema = v.pipe(
  v.string(timeoutRule),
  v.transform(parseDuration),
  v.number(timeoutRule),
  v.minValue(100, 'must be at least 100ms'),
  v.maxValue(60_000, 'must be at most 60s'),
);

const rotateAfterRule = 'must be a time, such as 90d';
const dayMs = 24 * 60 * 60_000;
const rotateAfterSchema = v.pipe(
  v.string(rotateAfterRule),
  v.transform(parseDuration),
  v.number(rotateAfterRule),
  v.minValue(dayMs, 'must be at least 1d'),
  v.maxValue(3_650 * dayMs, 'must be at most 3650d'),
);

const keysSchema = v.pipe(
  v.strictObject({ rotateAfter: v.nullish(rotateAfterSchema, null) }),
  v.transform(({ rotateAfter }) => ({
    /** The age at which authorized keys replace themselves; `null`: never. */
    rotateAfterMs: rotateAfter,
  })),
);

/** A path by the rules of the platform: on Windows, also `C:/…` and `\\\\server\\share\\…`. */
const createPathSchema = (platform: NodeJS.Platform) =>
  v.pipe(
    v.string(),
    v.check((path) => pathModuleOf(platform).isAbsolute(path), 'must be an absolute path'),
  );

/** The path of a file of certificates. Its content is read before, because a schema cannot wait. */
const createCertificatesSchema = (platform: NodeJS.Platform, { certificates, violations }: PemCertificates) =>
  v.pipe(
    createPathSchema(platform),
    v.rawTransform<string, readonly string[]>(({ addIssue, NEVER }) => {
      if (violations.length === 0) return certificates;
      for (const message of violations) addIssue({ message });
      return NEVER;
    }),
  );

const listenRule = 'must be a loopback address and a port, such as 127.0.0.1:8099';
const listenSchema = v.pipe(
  v.string(listenRule),
  v.transform(parseLoopbackAddress),
  v.custom<NonNullable<ReturnType<typeof parseLoopbackAddress>>>((value) => value !== null, listenRule),
);

/** Numeric only, because a name can resolve to another address later. Port 0 means any free port. */
function parseLoopbackAddress(text: string): { readonly host: string; readonly port: number } | null {
  const { v4, port } = /^(?:(?<v4>127\.[\d.]+)|\[::1\]):(?<port>\d{1,5})$/.exec(text)?.groups ?? {};
  if ((v4 !== undefined && !isIPv4(v4)) || !(Number(port) <= 65_535)) return null;
  return { host: v4 ?? '::1', port: Number(port) };
}

const anyListenRule = 'must be an IP address and a port, such as 127.0.0.1:9464 or [::]:9464';

/** Any address of this machine, unlike `parseLoopbackAddress`. */
function parseListenAddress(text: string): { readonly host: string; readonly port: number } | null {
  const { v4, v6, port } =
    /^(?:(?<v4>[\d.]+)|\[(?<v6>[\w:.%]+)\]):(?<port>\d{1,5})$/.exec(text)?.groups ?? {};
  const isAddress = v6 === undefined ? isIPv4(v4 ?? '') : isIPv6(v6);
  return isAddress && Number(port) <= 65_535 ? { host: v6 ?? v4 ?? '', port: Number(port) } : null;
}

const metricsSchema = v.strictObject({
  listen: v.nullish(
    v.pipe(
      v.string(anyListenRule),
      v.transform(parseListenAddress),
      v.custom<NonNullable<ReturnType<typeof parseListenAddress>>>((value) => value !== null, anyListenRule),
    ),
    null,
  ),
  /** Whether the metrics name the account of each profile. */
  accountIds: v.nullish(v.boolean(), false),
});

const iamSchema = v.pipe(
  v.strictObject({
    endpoint: v.nullish(endpointSchema, defaultIamEndpoint),
    /** The `aud` claim of a JWT for this endpoint. */
    audience: v.nullish(v.pipe(v.string(), v.minLength(1, 'must not be empty'))),
    /** Of one exchange. */
    timeout: v.nullish(timeoutSchema, '8s'),
  }),
  v.transform(({ endpoint, audience, timeout }) => ({
    endpoint,
    audience: audience ?? defaultAudienceOf(endpoint),
    timeoutMs: timeout,
  })),
);

const createNetworkSchema = (platform: NodeJS.Platform, caCertificates: PemCertificates) =>
  v.pipe(
    v.strictObject({
      proxy: v.nullish(proxySchema),
      caFile: v.nullish(createCertificatesSchema(platform, caCertificates)),
    }),
    v.transform(({ proxy, caFile }) => ({
      proxy: proxy ?? null,
      /** Hosts that are reached directly: set by `NO_PROXY` only, not by the file. */
      noProxy: [] as readonly string[],
      /** Each in PEM, trusted in addition to those of Node: of `caFile` and `NODE_EXTRA_CA_CERTS`. */
      certificates: caFile ?? [],
    })),
  );

const metadataSchema = v.strictObject({
  listen: v.nullish(listenSchema, null),
  /** Whether other local users may fetch tokens there. */
  allowAnyLocalUser: v.nullish(v.boolean(), false),
});

const hookRule = 'must be a list: the name or the absolute path of a program, and its arguments';
const createHookSchema = (platform: NodeJS.Platform) =>
  v.nullish(
    v.pipe(
      v.array(v.string(hookRule), hookRule),
      v.check(
        ([program = '']) => pathModuleOf(platform).isAbsolute(program) || /^[\w.+-]+$/.test(program),
        hookRule,
      ),
    ),
    null,
  );

/** By event: the program that is run. */
const createHooksSchema = (platform: NodeJS.Platform) =>
  v.strictObject({
    rotated: createHookSchema(platform),
    failing: createHookSchema(platform),
    login_required: createHookSchema(platform),
    locked: createHookSchema(platform),
  });

/** @returns the violated rule, such as `never fires`; `null` for a valid cron pattern */
export type ScheduleValidator = (pattern: string) => string | null;

function createRefreshSchema(validateSchedule: ScheduleValidator) {
  const scheduleSchema = v.pipe(
    v.string(),
    v.check(
      (pattern) => validateSchedule(pattern) === null,
      ({ input }) => `${validateSchedule(input)}`,
    ),
  );
  return v.pipe(
    v.strictObject({ schedule: v.nullish(scheduleSchema, null), spread: v.nullish(v.boolean(), true) }),
    v.transform(({ schedule, spread }) => ({
      /** A cron pattern in the machine's time zone. */
      schedule: schedule ?? '0 * * * *',
      /** Whether each host and profile renews at its own minute of the hour; applies to the default schedule only. */
      spread: schedule === null && spread,
    })),
  );
}

/**
 * The schema of `config.yaml`, with all defaults.
 * @param platform whose rules apply to paths
 * @param caCertificates the content of `network.caFile`
 */
export function createConfigSchema(
  validateSchedule: ScheduleValidator,
  platform: NodeJS.Platform,
  caCertificates: PemCertificates,
) {
  return v.strictObject({
    store: v.nullish(storeKindSchema, 'keychain'),
    /** The key of the file store. */
    file: v.nullish(createStoreKeySchema(platform), { key: 'passphrase' }),
    log: v.nullish(v.strictObject({ level: v.nullish(logLevelSchema, 'info') }), {}),
    refresh: v.nullish(createRefreshSchema(validateSchedule), {}),
    iam: v.nullish(iamSchema, {}),
    network: v.nullish(createNetworkSchema(platform, caCertificates), {}),
    /** Whether to serve HTTP on `http/http.sock`, below the folder of the IPC socket. */
    http: v.nullish(v.strictObject({ socket: v.nullish(v.boolean(), false) }), {}),
    metadata: v.nullish(metadataSchema, {}),
    hooks: v.nullish(createHooksSchema(platform), {}),
    keys: v.nullish(keysSchema, {}),
    metrics: v.nullish(metricsSchema, {}),
    /** Whether units get tokens from `credential.sock` with `LoadCredential=`; Linux only. */
    systemd: v.nullish(v.strictObject({ credentialSocket: v.nullish(v.boolean(), false) }), {}),
    /** Further hosts for `docker-credential`. */
    registries: v.nullish(registriesSchema, []),
    login: v.nullish(
      v.strictObject({
        /** Whether a login asks IAM for the display name of the account. */
        names: v.nullish(v.boolean(), true),
      }),
      {},
    ),
    peers: v.nullish(
      v.strictObject({
        /** What a peer in a container may call: methods that return tokens, or all. */
        containers: v.nullish(oneOf(['tokens', 'full']), 'tokens'),
      }),
      {},
    ),
  });
}

export type ConfigSchema = ReturnType<typeof createConfigSchema>;
/** The settings of the daemon, from flags, environment, `config.yaml` and defaults; parsed once. */
export type Config = DeepReadonly<v.InferOutput<ConfigSchema>>;
type DeepReadonly<T> = { readonly [K in keyof T]: DeepReadonly<T[K]> };

function oneOf<const T extends readonly string[]>(values: T): v.PicklistSchema<T, string> {
  return v.picklist(values, `must be one of ${values.join(', ')}`);
}
