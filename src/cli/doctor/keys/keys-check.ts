import type { ProfileStatus } from '../../../protocol/method-types.ts';
import { formatTimeSpan } from '../../../shared/duration.ts';
import { daemonHint, receivedHint } from '../../../shared/hint.ts';
import { formatProfileOption } from '../../../shared/shell-quoting.ts';
import { listKeyFiles, readKeyId } from '../../keys/key-files.ts';
import { type Check, type CheckResult, pass, warn } from '../check-result.ts';

/** A key has no expiry, and every copy of it is valid for ever. */
const maxAgeMs = 365 * 86_400_000;

export const keysCheck: Check = {
  name: 'keys',
  dependsOn: 'daemon',

  run({ status, commandContext: { clock, processContext } }) {
    const profiles = status?.profiles.filter(({ key }) => key !== undefined) ?? [];
    if (profiles.length === 0) return pass('no authorized keys');
    const files = listKeyFiles(processContext.home(), processContext.uid);
    const fileIds = files.map((path) => [path, readKeyId(path)] as const);
    const warnings = profiles.flatMap((profile) => checkKey(profile, fileIds, clock.now().wallMs));
    return warnings.length > 0 ? warnings : pass('none is older than a year, and no key file has one');
  },
};

function checkKey(
  { profile, isDefault, key }: ProfileStatus,
  files: readonly (readonly [path: string, keyId: string | null])[],
  nowMs: number,
): readonly CheckResult[] {
  if (key === undefined) return [];
  const check = `key of ${profile}`;
  const rotateCommand = isDefault
    ? daemonHint('iam-token rotate-key')
    : daemonHint(`iam-token rotate-key ${formatProfileOption(profile)}`);
  const { id, createdAt, problem } = key;
  const ageMs = createdAt === undefined ? 0 : nowMs - Date.parse(createdAt);
  const path = files.find(([, keyId]) => keyId === id)?.[0];
  return [
    ...(problem === undefined ? [] : [{ check, ...warn(problem.message, receivedHint(problem)) }]),
    ...(ageMs <= maxAgeMs
      ? []
      : [{ check, ...warn(`${id} is ${formatTimeSpan(ageMs)} old`, rotateCommand) }]),
    ...(path === undefined ? [] : [{ check, ...warn(`${path} is still valid`, rotateCommand) }]),
  ];
}
