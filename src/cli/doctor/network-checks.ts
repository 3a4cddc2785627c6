/** Checks of the path to IAM, for each endpoint that a profile uses. */
import { formatTimeSpan } from '../../shared/duration.ts';
import { quoteShellWord } from '../../shared/shell-quoting.ts';
import { clockToleranceMs } from '../../token/clock-estimate.ts';
import { type Check, type CheckResult, fail, pass, skip, warn } from './check-result.ts';
import { type DoctorContext, probeEndpoints } from './doctor-context.ts';
import type { Probe } from './probe-iam.ts';

/** One result for each endpoint. */
function createProbeCheck(
  name: string,
  evaluate: (probe: Probe, context: DoctorContext) => CheckResult,
): Check {
  return {
    name,
    dependsOn: 'configuration',
    run: async (context) => (await probeEndpoints(context)).map((probe) => evaluate(probe, context)),
  };
}

const setTimeCommands: Partial<Readonly<Record<NodeJS.Platform, string>>> = {
  linux: 'timedatectl set-ntp true',
  darwin: 'sudo sntp -sS time.apple.com',
  win32: 'w32tm /resync',
};

const clock = createProbeCheck('clock', ({ clockOffsetMs }, { commandContext: { processContext } }) => {
  if (clockOffsetMs === null) return skip('IAM did not report its time');
  if (Math.abs(clockOffsetMs) < clockToleranceMs) return pass('in sync with IAM');
  const direction = clockOffsetMs > 0 ? 'behind' : 'ahead of';
  return warn(
    `the local clock is ${formatTimeSpan(Math.abs(clockOffsetMs))} ${direction} IAM`,
    setTimeCommands[processContext.platform],
  );
});

const dns = createProbeCheck('dns', ({ hostname, proxy, failedStage, reason }, { commandContext }) => {
  if (proxy !== null) return skip('the proxy resolves names');
  if (failedStage !== 'dns') return pass(`${hostname} resolves`);
  const { platform } = commandContext.processContext;
  const command = platform === 'linux' ? 'getent hosts' : 'nslookup';
  return fail('unavailable', reason, `${command} ${quoteShellWord(hostname, platform)}`);
});

const proxy = createProbeCheck(
  'proxy',
  ({ proxy: proxyHost, failedStage, reason }, { status, settings, configPath }) => {
    const command = `set network.proxy in ${configPath}`;
    if (proxyHost === null) return pass('none');
    if (failedStage === 'proxy') return fail('unavailable', `${proxyHost}: ${reason}`, command);
    return settings?.configuredProxy === null && status?.daemon.manager
      ? warn(`the service does not inherit the proxy ${proxyHost} from this shell`, command)
      : pass(proxyHost);
  },
);

const tls = createProbeCheck('tls', ({ isPlaintext, failedStage, reason }, { configPath }) => {
  if (failedStage === 'tls') {
    return fail('unavailable', reason, `to trust your own authority, set network.caFile in ${configPath}`);
  }
  if (isPlaintext) return skip('plain HTTP to this machine');
  return failedStage === null ? pass('the certificate is trusted') : skip('not reached');
});

const iam = createProbeCheck('iam', ({ endpoint, failedStage, reason }, { commandContext }) => {
  if (failedStage === null) return pass(`${endpoint} responds`);
  if (failedStage !== 'iam') return skip('not reached');
  return fail(
    'unavailable',
    reason,
    `curl -v ${quoteShellWord(endpoint, commandContext.processContext.platform)}`,
  );
});

export const networkChecks: readonly Check[] = [clock, dns, proxy, tls, iam];
