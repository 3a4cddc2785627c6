import { realpathSync } from 'node:fs';
import type { ProcessContext } from '../../platform/paths.ts';
import {
  findClientOnPath,
  findNativeLink,
  isNativeClientPath,
  isNativeLink,
  nativeTarget,
} from '../commands/setup/native-link.ts';

/** Which client a shell runs, and why it is not the native one: a clause for `doctor`. */
export function describeClient(processContext: ProcessContext): string {
  const path = findClientOnPath(processContext);
  if (path !== undefined && isNativeClientPath(realpathSync(path))) return `${path} runs the native client`;
  const client = `${path ?? 'iam-token'} runs Node at each call`;
  if (processContext.home() === '') return client;
  const link = findNativeLink(processContext);
  if (link === null) {
    const { platform } = processContext;
    return platform === 'win32' ? client : `${client}: no native client for ${nativeTarget(platform)}`;
  }
  if (!isNativeLink(link.path)) return `${client}: ~/.local/bin has no link to the native client`;
  return path === undefined
    ? `${link.path} runs the native client, but is not in PATH`
    : `${client}: it comes before ${link.path} in PATH`;
}
