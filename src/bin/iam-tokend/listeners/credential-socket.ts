import { createDispatch, type RequestHandler } from '../../../http/dispatch.ts';
import type { ProcessContext } from '../../../platform/paths.ts';
import { createCredentialServer, type CredentialServer } from '../../../service/credential-server.ts';
import { IamTokenError } from '../../../shared/errors.ts';
import { Secret } from '../../../shared/secret.ts';
import type { PeerGuard } from '../peer-guard.ts';
import type { ListenerParts } from './listener-parts.ts';

const setting = 'systemd.credentialSocket';

/** @returns why `credential.sock` is not there although it is enabled; `null`: it is */
export function findCredentialSocketWarning(
  { platform }: Pick<ProcessContext, 'platform'>,
  guard: Pick<PeerGuard, 'cLibrary'>,
  isSystemWide: boolean,
  credentialFd: number | null,
): string | null {
  if (platform !== 'linux') return `${setting}: available on Linux only`;
  if (guard.cLibrary === null)
    return `${setting}: requires koffi, which is not installed or does not load here`;
  return isSystemWide && credentialFd === null
    ? `${setting}: systemd has passed no socket; enable iam-tokend-credential.socket`
    : null;
}

/** A socket that systemd passes although the setting is off gives no token: an empty one would start the unit. */
export function createCredentialServerIfEnabled(
  { clock, log, config, guard, socketPaths, credentialFd }: ListenerParts,
  handleRequest: RequestHandler,
): CredentialServer | null {
  const { cLibrary } = guard;
  const { credential: path } = socketPaths;
  if (cLibrary === null || (credentialFd === null && path === null)) return null;
  return createCredentialServer({
    listenOn: credentialFd === null ? { path: path ?? '' } : { fd: credentialFd },
    clock,
    log,
    decideAccess: guard.decideAccess,
    getPeerAddress: (socket) => cLibrary.getPeerAddress(socket),
    requestToken: async (profile, signal) => {
      if (!config.systemd.credentialSocket)
        throw new IamTokenError({ code: 'forbidden', message: `${setting} is off in config.yaml` });
      const dispatch = createDispatch(handleRequest, signal);
      const { token } = await dispatch('token', profile === undefined ? {} : { profile });
      return new Secret(token);
    },
  });
}
