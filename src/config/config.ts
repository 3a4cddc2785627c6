import type { LogLevel } from '../shared/log.ts';
import type { FileKey } from './file-key.ts';

/** Where credentials are kept. */
export const storeKinds = ['keychain', 'file', 'memory'] as const;

/** What the daemon goes by, from flags, environment, `config.yaml` and defaults, in that order; parsed once. */
export interface Config {
  readonly store: (typeof storeKinds)[number];
  /** Of the file store. */
  readonly fileKey: FileKey;
  readonly logLevel: LogLevel;
  readonly refresh: {
    /** A cron pattern in the machine's time zone. */
    readonly schedule: string;
    /** Each host and profile at its own place in the hour; for the default schedule only. */
    readonly spread: boolean;
  };
  readonly iam: {
    /** Base URL of the IAM API, without a slash at its end. */
    readonly endpoint: string;
    /** What a JWT for it has as `aud`. */
    readonly audience: string;
    /** For one exchange. */
    readonly timeoutMs: number;
  };
  readonly network: {
    /** URL of an HTTP proxy. */
    readonly proxy: string | null;
    /** Hosts that are asked directly, as `NO_PROXY` lists them. */
    readonly noProxy: readonly string[];
    /** Certificates of further authorities, in PEM. */
    readonly caFile: string | null;
  };
  /** Whether there is `http.sock` beside the socket. */
  readonly httpSocket: boolean;
  readonly metadata: {
    /** A loopback address; `null`: off. Port 0 is any that is free. */
    readonly listen: { readonly host: string; readonly port: number } | null;
    /** Whether peers with another uid are answered. */
    readonly allowAnyLocalUser: boolean;
  };
}

export const defaultConfig: Config = {
  store: 'keychain',
  fileKey: { kind: 'passphrase' },
  logLevel: 'info',
  refresh: { schedule: '0 * * * *', spread: true },
  iam: {
    endpoint: 'https://iam.api.cloud.yandex.net',
    audience: audienceOf('https://iam.api.cloud.yandex.net'),
    timeoutMs: 8_000,
  },
  network: { proxy: null, noProxy: [], caFile: null },
  httpSocket: false,
  metadata: { listen: null, allowAnyLocalUser: false },
};

/** The audience that goes with an endpoint, where nobody names another. */
export function audienceOf(endpoint: string): string {
  return `${endpoint}/iam/v1/tokens`;
}
