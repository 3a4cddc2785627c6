import { formatIsoSeconds } from '../../../shared/clock.ts';
import { expiryMarginMs } from '../../../token/token.ts';
import { usageError } from '../../cli-errors.ts';
import type { CommandContext, CommandDefinition } from '../../command.ts';
import { profileOption } from '../../parsing/options.ts';
import { formatJsonLine } from '../../terminal/escape.ts';
import { print } from '../../terminal/terminal.ts';
import { requestTokenFor } from '../../token-request.ts';

/** Every release of kubectl accepts it, and unlike v1 it requires no `interactiveMode`. */
const defaultExecApiVersion = 'client.authentication.k8s.io/v1beta1';
const execApiVersions = ['client.authentication.k8s.io/v1', defaultExecApiVersion] as const;

export const kubernetesCredential: CommandDefinition = {
  name: 'kubernetes-credential',
  summary: 'provide kubectl with a cluster credential',
  description: 'kubectl runs it as an exec plugin.',
  options: { profile: profileOption },
  examples: [
    'kubectl config set-credentials yc --exec-api-version=client.authentication.k8s.io/v1beta1 --exec-command=iam-token --exec-arg=kubernetes-credential',
  ],
  run: runKubernetesCredential,
};

/**
 * An exec plugin of kubectl and other Kubernetes clients (kubernetes.io/docs/reference/access-authn-authz/authentication).
 * The expiry is a minute early and on the local clock: the client library for JavaScript uses a token to the last second.
 */
async function runKubernetesCredential(context: CommandContext): Promise<void> {
  const apiVersion = selectApiVersion(context.processContext.env['KUBERNETES_EXEC_INFO'] ?? '');
  const { token, expiresAt, clockOffsetMs = 0 } = await requestTokenFor(context);
  const expirationTimestamp = formatIsoSeconds(Date.parse(expiresAt) - clockOffsetMs - expiryMarginMs);
  print(formatJsonLine({ apiVersion, kind: 'ExecCredential', status: { token, expirationTimestamp } }));
}

/**
 * The version that the caller requests; v1beta1 without one, like yc.
 * @throws IamTokenError `bad_request`
 */
function selectApiVersion(execInfo: string): (typeof execApiVersions)[number] {
  if (execInfo === '') return defaultExecApiVersion;
  const requestedVersion = parseApiVersion(execInfo);
  if (requestedVersion === null) throw usageError('KUBERNETES_EXEC_INFO is not an ExecCredential in JSON');
  const version = execApiVersions.find((supported) => supported === requestedVersion);
  if (version !== undefined) return version;
  throw usageError(
    `unsupported apiVersion in KUBERNETES_EXEC_INFO: ${requestedVersion}`,
    `set apiVersion: ${defaultExecApiVersion} in the exec section of your kubeconfig`,
  );
}

function parseApiVersion(execInfo: string): string | null {
  try {
    const { apiVersion, kind } = JSON.parse(execInfo) as Readonly<Record<string, unknown>>;
    return kind === 'ExecCredential' && typeof apiVersion === 'string' ? apiVersion : null;
  } catch {
    return null; // Invalid JSON, or `null`.
  }
}
