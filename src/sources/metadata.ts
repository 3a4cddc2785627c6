import * as v from 'valibot';
import { isLoopbackUrl } from '../shared/endpoint.ts';
import { Secret } from '../shared/secret.ts';
import type { ExchangeFailure, ExchangeOutcome } from '../token/ports.ts';
import { ask, type Question } from './ask.ts';
import type { CredentialKind, SourceTools } from './credential-kind.ts';
import { statusIn } from './iam-errors.ts';
import { readBearerAnswer } from './iam-token-answer.ts';
import { kept } from './kept.ts';

/** The same on every VM; it answers this VM alone, so it is plain HTTP. */
const linkLocalUrl = 'http://169.254.169.254';
/** yandex.cloud/en/docs/compute/operations/vm-connect/auth-inside-vm, November 2026. */
const tokenPath = '/computeMetadata/v1/instance/service-accounts/default/token';
const service = 'the metadata service';
const onlyOnVm = 'this kind of credential works on a VM of Yandex Cloud, and nowhere else';

const keptSchema = v.object({ url: v.string() });

/** The service account of the VM that the daemon runs on; nothing of it is secret. */
export const metadataKind: CredentialKind = {
  name: 'metadata',

  /** An endpoint on this machine stands for a whole installation: the emulator's. */
  async accept(_handed, { endpoint }) {
    return new Secret(JSON.stringify({ url: isLoopbackUrl(endpoint) ? endpoint : linkLocalUrl }));
  },

  open(credential, _installation, tools) {
    const { url } = kept(keptSchema, credential);
    return { exchange: (signal) => tokenFrom(url, signal, tools) };
  },

  revocationAdvice: () => null,
};

function tokenFrom(url: string, signal: AbortSignal, tools: SourceTools): Promise<ExchangeOutcome> {
  const question: Question = {
    service,
    request: { method: 'GET', url: url + tokenPath, headers: { 'metadata-flavor': 'Google' } },
    hintUnreached: onlyOnVm,
    errorIn: (body, status) => (status === 404 ? withoutAccount : statusIn(service, body, status, '', tools)),
    tokenIn: (body, nowMs) => readBearerAnswer(service, body, nowMs),
  };
  return ask(question, signal, tools);
}

/** One may be attached at any time, without a word to us. */
const withoutAccount: ExchangeFailure = {
  kind: 'terminal',
  message: 'no service account is attached to this VM',
  hint: 'attach one: yc compute instance update VM --service-account-id ID; then: iam-token login --metadata',
  mayHeal: true,
};
