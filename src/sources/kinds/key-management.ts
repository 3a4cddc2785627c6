import { createPrivateKey, type KeyObject } from 'node:crypto';
import { omitUndefined } from '../../shared/omit-undefined.ts';
import type { KeyManagement, KeyResult } from '../credential-kind.ts';
import { createKey, deleteKey, getKey, type IamResult, listKeys } from '../exchange/iam-api.ts';
import { parseAuthorizedKey } from './authorized-key.ts';
import { formatStoredKey, parseStoredKey, type StoredKey } from './stored-key.ts';

/** google.rpc.Code. */
const notFound = 5;
const permissionDenied = 7;
const resourceExhausted = 8;
/** Codes that say nothing about whether IAM did what it was asked: UNKNOWN, DEADLINE_EXCEEDED, INTERNAL and UNAVAILABLE. */
const ambiguousCodes: readonly number[] = [2, 4, 13, 14];

/** Of yandex.cloud/en/docs/iam/security, November 2026. */
const keyRole = 'iam.serviceAccounts.keyAdmin';
const largeKeyBits = 4_096;

/** The authorized keys of service accounts. */
export const keyManagement: KeyManagement = {
  describe(credential) {
    const { id, serviceAccountId, createdAtMs } = parseStoredKey(credential);
    return { id, serviceAccountId, ...omitUndefined({ createdAtMs }) };
  },

  async create(credential, description, { token, installation, signal, tools }) {
    const stored = parseStoredKey(credential);
    const { serviceAccountId } = stored;
    const keyAlgorithm = isLargeKey(stored) ? 'RSA_4096' : 'RSA_2048';
    const newKey = { serviceAccountId, description, keyAlgorithm } as const;
    const result = await createKey(newKey, token, installation, signal, tools);
    if (!result.ok) return createFailedResult(result, 'create a key', serviceAccountId);
    try {
      const key = parseAuthorizedKey(JSON.stringify(result.value));
      if (key.serviceAccountId === serviceAccountId) return { ok: true, value: formatStoredKey(key) };
    } catch {
      // Without `cause`: the message is about a file.
    }
    return createUnclearResult('invalid response from IAM: it is not the new key');
  },

  async list(serviceAccountId, { token, installation, signal, tools }) {
    const result = await listKeys(serviceAccountId, token, installation, signal, tools);
    return result.ok ? result : createFailedResult(result, 'list its keys', serviceAccountId);
  },

  async find({ id, serviceAccountId }, { token, installation, signal, tools }) {
    const result = await getKey(id, token, installation, signal, tools);
    return result.ok ? result : createFailedResult(result, 'read its key', serviceAccountId);
  },

  async delete({ id, serviceAccountId }, { token, installation, signal, tools }) {
    const result = await deleteKey(id, token, installation, signal, tools);
    if (result.ok || result.rpcCode === notFound) return { ok: true, value: null };
    return createFailedResult(result, `delete the key ${id}`, serviceAccountId);
  },
};

function isLargeKey({ key }: StoredKey): boolean {
  const privateKey: KeyObject = createPrivateKey({
    key: Buffer.from(key, 'base64'),
    format: 'der',
    type: 'pkcs8',
  });
  return (privateKey.asymmetricKeyDetails?.modulusLength ?? 0) >= largeKeyBits;
}

/** @param action what the account could not do, as an infinitive */
function createFailedResult(
  { failure, rpcCode }: Extract<IamResult<never>, { readonly ok: false }>,
  action: string,
  serviceAccountId: string,
): KeyResult<never> {
  const isRejected = rpcCode !== null && !ambiguousCodes.includes(rpcCode);
  if (rpcCode === permissionDenied) {
    const message = `the service account ${serviceAccountId} cannot ${action}: it lacks the role ${keyRole} for itself`;
    const hint = `yc iam service-account add-access-binding ${serviceAccountId} --role ${keyRole} --subject serviceAccount:${serviceAccountId}`;
    return { ok: false, isRejected, problem: { code: 'login_required', message, hint } };
  }
  const { kind, message: reason, hint, retryAfterMs } = failure;
  const message = `cannot ${action}: ${reason}`;
  if (rpcCode === resourceExhausted) {
    const listHint = `delete keys that are not in use: yc iam key list --service-account-id ${serviceAccountId}`;
    const problem = {
      code: 'unavailable',
      message,
      hint: listHint,
      ...omitUndefined({ retryAfterMs }),
    } as const;
    return { ok: false, isRejected, problem };
  }
  const code = kind === 'transient' ? 'unavailable' : 'login_required';
  return { ok: false, isRejected, problem: { code, message, ...omitUndefined({ hint, retryAfterMs }) } };
}

function createUnclearResult(message: string): KeyResult<never> {
  return { ok: false, isRejected: false, problem: { code: 'unavailable', message } };
}
