import type { TokenAnswer } from '../protocol/messages.ts';
import { expiryMarginMs } from '../token/iam-token.ts';
import type { Command } from './command.ts';
import { usageError } from './endings.ts';
import { print } from './terminal.ts';
import { tokenFor } from './token.ts';
import { jsonLine } from './visible.ts';

const versions = ['client.authentication.k8s.io/v1', 'client.authentication.k8s.io/v1beta1'] as const;
type Version = (typeof versions)[number];

/** Answers kubectl, and whatever else runs exec plugins (kubernetes.io/docs/reference/access-authn-authz/authentication). */
export const kubernetesCredential: Command = async (call) => {
  const version = wantedVersion(call.surroundings.env['KUBERNETES_EXEC_INFO']);
  print(execCredential(version, await tokenFor(call)));
};

/** A minute is kept back: the client for JavaScript keeps a token to the last moment that it is told of, by its own clock. */
export function execCredential(apiVersion: Version, token: TokenAnswer): string {
  const endsAtMs = Date.parse(token.expiresAt) - (token.clockOffsetMs ?? 0) - expiryMarginMs;
  const expirationTimestamp = new Date(endsAtMs).toISOString();
  return jsonLine({
    apiVersion,
    kind: 'ExecCredential',
    status: { token: token.token, expirationTimestamp },
  });
}

/**
 * The version that the caller speaks; v1beta1 for one that does not say, as yc has it.
 * @throws IamTokenError `bad_request`
 */
export function wantedVersion(info: string | undefined): Version {
  if (info === undefined || info === '') return versions[1];
  const asked = apiVersionIn(info);
  if (asked === null) throw usageError('KUBERNETES_EXEC_INFO is not the JSON that Kubernetes puts there');
  const version = versions.find((known) => known === asked);
  if (version !== undefined) return version;
  throw usageError(
    `KUBERNETES_EXEC_INFO asks for ${asked}, which is not known here`,
    `have apiVersion ${versions[0]} in the user's exec section of the kubeconfig`,
  );
}

function apiVersionIn(info: string): string | null {
  try {
    const { apiVersion, kind } = JSON.parse(info) as Readonly<Record<string, unknown>>;
    return kind === 'ExecCredential' && typeof apiVersion === 'string' ? apiVersion : null;
  } catch {
    return null; // No JSON, or `null`.
  }
}
