import * as v from 'valibot';
import { isLoopbackUrl } from '../../shared/endpoint.ts';
import { Secret } from '../../shared/secret.ts';
import type { ExchangeFailure, ExchangeOutcome } from '../../token/token-source.ts';
import { sendExchange, type TokenEndpoint } from '../exchange/send-exchange.ts';
import type { CredentialKind, SourceTools } from '../credential-kind.ts';
import { parseRpcStatus } from '../exchange/rpc-status.ts';
import { parseAccessTokenResponse } from '../exchange/token-response.ts';
import { parseStored } from '../parse-stored.ts';
import { metadataTokenPath, metadataUrl } from './metadata-address.ts';

const service = 'the metadata service';
const onlyOnVmHint = 'this kind of credential works only on a VM of Yandex Cloud';

const storedSchema = v.object({ url: v.string() });

/** The service account of the VM that the daemon runs on. What is stored is not secret. */
export const metadataKind: CredentialKind = {
  name: 'metadata',
  accountCollections: ['serviceAccounts'],

  /** A loopback endpoint is the emulator, which has a metadata service too. */
  async createCredential(_input, { endpoint }) {
    return new Secret(JSON.stringify({ url: isLoopbackUrl(endpoint) ? endpoint : metadataUrl }));
  },

  open(credential, _installation, tools) {
    const { url } = parseStored(storedSchema, credential);
    return {
      exchange: (signal) => requestVmToken(url, signal, tools),
      probe: () => tools.probeService(url + metadataTokenPath),
    };
  },

  getRevocationAdvice: () => null,
};

function requestVmToken(
  url: string,
  signal: AbortSignal,
  tools: SourceTools,
): Promise<ExchangeOutcome<Secret>> {
  const tokenEndpoint: TokenEndpoint<Secret> = {
    service,
    request: { method: 'GET', url: url + metadataTokenPath, headers: { 'metadata-flavor': 'Google' } },
    unreachableHint: onlyOnVmHint,
    parseError: (body, status) =>
      status === 404 ? noServiceAccountFailure : parseRpcStatus(service, body, status, '', tools),
    parseToken: (body, nowMs) => parseAccessTokenResponse(service, body, nowMs),
  };
  return sendExchange(tokenEndpoint, signal, tools);
}

/** One may be attached at any time. */
const noServiceAccountFailure: ExchangeFailure = {
  kind: 'transient',
  message: 'no service account is attached to this VM',
  hint: [
    'attach one: yc compute instance update VM --service-account-id ID',
    { text: 'then', command: 'login', kind: 'metadata' },
  ],
};
