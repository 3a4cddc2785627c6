import * as methods from '../protocol/methods.ts';
import { profileParams } from '../client/request-token.ts';
import type { Params, ProfileScope } from '../protocol/messages.ts';
import { type Command, withDaemon } from './command.ts';
import { greet } from './greet.ts';
import { chosenKind } from './login-kinds.ts';
import { localTime } from './moments.ts';
import { orAfterInstall } from './offer-install.ts';
import type { GivenOptions } from './parse-command-line.ts';
import { print, waiting } from './terminal.ts';
import { unlockForLogin } from './unlock.ts';
import { visible } from './visible.ts';

/** Sees that the daemon is there before a person takes the trouble, and lets it have the credential. */
export const login: Command = async (call) => {
  const { options, surroundings } = call;
  const kind = chosenKind(options);
  kind.check?.(call);
  const daemon = await orAfterInstall(call, () => greet('login', call));
  await unlockForLogin(call, daemon);
  const { secret, settings } = await kind.read(call);
  const endpoint = options.text('endpoint');
  const params: Params<'login'> = {
    ...profileParams(options.text('profile'), surroundings.env),
    kind: kind.name,
    ...(secret === undefined ? {} : { secret: secret.expose() }),
    ...(settings === undefined ? {} : { settings }),
    ...(endpoint === undefined ? {} : { endpoint }),
    ...scopeOf(options),
  };
  const { profile, subject, expiresAt } = await waiting(
    `the ${daemon.store.kind === 'keychain' ? 'keychain' : 'store'} and ${kind.waitsFor}`,
    withDaemon(call, (connection, patience) => connection.ask(methods.login, params, patience)),
  );
  print(`logged in as ${visible(subject ?? profile)}; the IAM token lives until ${localTime(expiresAt)}`);
  kind.afterwards?.(call, daemon.store.kind);
};

function scopeOf(options: GivenOptions): ProfileScope {
  const impersonateServiceAccountId = options.text('impersonate-service-account-id');
  const cloudId = options.text('cloud-id');
  const folderId = options.text('folder-id');
  return {
    ...(impersonateServiceAccountId === undefined ? {} : { impersonateServiceAccountId }),
    ...(cloudId === undefined ? {} : { cloudId }),
    ...(folderId === undefined ? {} : { folderId }),
  };
}
