import * as methods from '../protocol/methods.ts';
import { given } from '../shared/given.ts';
import { ask, type Command, profileOf } from './command.ts';
import { greet } from './greet.ts';
import { orAfterInstall } from './install.ts';
import { unlockForLogin } from './lock.ts';
import { chosenKind } from './login-kinds.ts';
import { localTime, print, waiting } from './terminal.ts';
import { visible } from './visible.ts';

/** Sees that the daemon is there before a person takes the trouble, and lets it have the credential. */
export const login: Command = async (call) => {
  const { options } = call;
  const kind = chosenKind(call);
  kind.check?.(call);
  const daemon = await orAfterInstall(call, () => greet('login', call));
  await unlockForLogin(call, daemon);
  const { secret, settings } = await kind.read(call);
  const params = given({
    ...profileOf(call),
    kind: kind.name,
    secret: secret?.expose(),
    settings,
    endpoint: options.get('endpoint'),
    impersonateServiceAccountId: options.get('impersonate-service-account-id'),
    cloudId: options.get('cloud-id'),
    folderId: options.get('folder-id'),
  });
  const { profile, subject, expiresAt } = await waiting(
    `the ${daemon.store.kind === 'keychain' ? 'keychain' : 'store'} and ${kind.waitsFor ?? 'Yandex Cloud'}`,
    ask(call, methods.login, params),
  );
  print(`logged in as ${visible(subject ?? profile)}; the IAM token lives until ${localTime(expiresAt)}`);
  kind.afterwards?.(call, daemon.store.kind);
};
