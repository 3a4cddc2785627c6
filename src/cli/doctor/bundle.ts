import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Config } from '../../config/config.ts';
import { systemFiles } from '../../files/file-system.ts';
import { createFile } from '../../files/write-file.ts';
import { userFolders } from '../../platform/paths.ts';
import { formatIsoTime } from '../../shared/clock.ts';
import { daemonHint } from '../../shared/hint.ts';
import { quoteShellWord } from '../../shared/shell-quoting.ts';
import { version } from '../../shared/version.ts';
import { usageError } from '../cli-errors.ts';
import type { Finding } from './check-result.ts';
import type { DoctorContext } from './doctor-context.ts';
import { createRedaction } from './redact-proxies.ts';

const maxLogLines = 200;

/**
 * Writes the results and the end of the log to a new file with mode 0600, to attach to a report. Anything that looks
 * like a secret is redacted; environment variables are listed by name only.
 * @throws IamTokenError `bad_request`
 */
export async function writeBundle(
  path: string,
  context: DoctorContext,
  findings: readonly Finding[],
): Promise<void> {
  const { commandContext, settings, status } = context;
  const { clock, processContext } = commandContext;
  const redactText = createRedaction(context);
  const report = {
    madeAt: formatIsoTime(clock.now().wallMs),
    client: { version, node: process.version, platform: processContext.platform },
    checks: findings,
    status: status ?? null,
    config: settings === undefined ? null : summarizeConfig(settings.config),
    environment: Object.keys(processContext.env).filter((name) =>
      /^(?:IAM_TOKEN|XDG_|.*_proxy$)/i.test(name),
    ),
    log: redactText(await readDaemonLog(context))
      .trimEnd()
      .split('\n')
      .slice(-maxLogLines),
  };
  const text = JSON.stringify(
    report,
    (_, value: unknown) => (typeof value === 'string' ? redactText(value) : value),
    2,
  );
  if (existsSync(path) && statSync(path).isDirectory()) {
    const filePath = quoteShellWord(join(path, 'iam-token-doctor.json'), processContext.platform);
    throw usageError(
      `cannot write the bundle ${path}: it is a folder`,
      daemonHint(`iam-token doctor --bundle ${filePath}`),
    );
  }
  const file = { path, name: 'the bundle', errorCode: 'bad_request' } as const;
  const content = { bytes: Buffer.from(`${text}\n`), mode: 0o600 };
  await createFile(file, content, systemFiles(processContext.uid));
}

/** Reports only whether there are certificates: the file may contain more. Arguments of a hook may be secret. */
function summarizeConfig({ network, hooks, ...config }: Config): object {
  const programs = Object.entries(hooks).map(([event, command]) => [event, command?.[0]]);
  return {
    ...config,
    network: { ...network, certificates: network.certificates.length > 0 },
    hooks: Object.fromEntries(programs),
  };
}

async function readDaemonLog({ commandContext, programs, status }: DoctorContext): Promise<string> {
  const manager = status?.daemon.manager;
  const journalctl = manager?.kind.startsWith('systemd') === true ? programs.find('journalctl') : null;
  if (manager && journalctl !== null) {
    const scope = manager.kind === 'systemd --user' ? ['--user'] : [];
    const args = [...scope, '--unit', manager.unit, '--lines', String(maxLogLines), '--output', 'cat'];
    const programRun = { path: journalctl, args, environment: {} };
    const { stdout, stderr } = await programs.run(
      programRun,
      commandContext.clock.timeoutSignal(commandContext.timeoutMs),
    );
    return stdout + stderr;
  }
  try {
    return readFileSync(join(userFolders(commandContext.processContext).log, 'iam-tokend.log'), 'utf8');
  } catch (error) {
    return `cannot read the log: ${String(error)}`;
  }
}
