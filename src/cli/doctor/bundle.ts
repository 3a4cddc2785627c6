import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { redact } from '../../adapters/redaction.ts';
import type { Config } from '../../config/config.ts';
import { folders } from '../../platform/places.ts';
import { isoTime } from '../../shared/clock.ts';
import { messageOf } from '../../shared/thrown.ts';
import { version } from '../../shared/version.ts';
import { usageError } from '../endings.ts';
import type { Examination, Verdict } from './examination.ts';

const logLines = 200;

/**
 * Writes all that was found, and the end of the log, for a person to hand on: into a new file, for them alone. What
 * looks like a secret is taken out, though none should be there; of the environment stand the names alone.
 * @throws IamTokenError `bad_request`
 */
export async function writeBundle(
  path: string,
  examination: Examination,
  findings: readonly Verdict[],
): Promise<void> {
  const { call, settings, status } = examination;
  const { clock, surroundings } = call;
  const report = {
    madeAt: isoTime(clock.now().wallMs),
    client: { version, node: process.version, platform: surroundings.platform },
    checks: findings,
    status: status ?? null,
    config: settings === undefined ? null : withoutCertificates(settings.config),
    environment: Object.keys(surroundings.env).filter((name) => /^(?:IAM_TOKEN|XDG_|.*_proxy$)/i.test(name)),
    log: clean(await logOf(examination))
      .trimEnd()
      .split('\n')
      .slice(-logLines),
  };
  const text = JSON.stringify(
    report,
    (_, value: unknown) => (typeof value === 'string' ? clean(value) : value),
    2,
  );
  try {
    writeFileSync(path, `${text}\n`, { flag: 'wx', mode: 0o600 });
  } catch (cause) {
    const reason = messageOf(cause);
    throw usageError(`the bundle cannot be written: ${reason}`, 'name a file that is not there yet');
  }
}

/** Whether there are some: what else the file of theirs holds is for nobody. */
function withoutCertificates({ network, ...config }: Config): object {
  return { ...config, network: { ...network, certificates: network.certificates !== null } };
}

/** A proxy's URL may hold a password. */
function clean(text: string): string {
  return redact(text).replaceAll(/(?<=:\/\/)[^/@\s]+@/g, '[redacted]@');
}

async function logOf({ call, programs, status }: Examination): Promise<string> {
  const manager = status?.daemon.manager;
  const journalctl = manager?.kind.startsWith('systemd') === true ? programs.find('journalctl') : null;
  if (manager && journalctl !== null) {
    const scope = manager.kind === 'systemd --user' ? ['--user'] : [];
    const args = [...scope, '--unit', manager.unit, '--lines', String(logLines), '--output', 'cat'];
    const run = { path: journalctl, args, environment: {} };
    const { stdout, stderr } = await programs.run(run, call.clock.deadline(call.timeoutMs));
    return stdout + stderr;
  }
  try {
    return readFileSync(join(folders(call.surroundings).log, 'iam-tokend.log'), 'utf8');
  } catch (error) {
    return `the log cannot be read: ${String(error)}`;
  }
}
