import type { RotateKeyResult } from '../../protocol/method-types.ts';
import * as methods from '../../protocol/methods.ts';
import { IamTokenError } from '../../shared/errors.ts';
import { receivedHint } from '../../shared/hint.ts';
import type { ProfileParams } from '../../client/request-token.ts';
import { callDaemon, type CommandContext } from '../command.ts';
import { withProgress } from '../terminal/terminal.ts';

/**
 * Has the daemon replace the key of a profile.
 * @throws IamTokenError why the old key stays in use; or that the new one is in use, and the old one still valid
 */
export async function replaceKey(
  context: CommandContext,
  params: ProfileParams & { readonly keepReplacedKey?: boolean },
): Promise<RotateKeyResult> {
  const replacing = callDaemon(context, methods.rotateKey, params);
  const result = await withProgress('Yandex Cloud to replace the key', replacing);
  if (result.problem === undefined) return result;
  const { problem, keyId } = result;
  throw new IamTokenError({
    ...problem,
    message: `the new key ${keyId} is in use, but ${problem.message}`,
    hint: receivedHint(problem),
  });
}
