import { IamTokenError, type Problem } from '../../shared/errors.ts';
import {
  keyringLocked,
  noKeychainService,
  serviceFailed,
  serviceNotResponding,
} from '../keychain/keychain-problems.ts';
import { DBusError } from './dbus-connection.ts';
import { DBusConnectionError } from './dbus-message.ts';

/** The error of a call of the Secret Service, as one of the keychain; any other error as it is. */
export function toKeychainError(error: unknown): unknown {
  if (error instanceof DBusError) return new IamTokenError(problemOfDBusError(error), { cause: error });
  const isTimeout = error instanceof DOMException && error.name === 'TimeoutError';
  return isTimeout || error instanceof DBusConnectionError
    ? new IamTokenError(serviceNotResponding, { cause: error })
    : error;
}

function problemOfDBusError({ errorName, message }: DBusError): Problem {
  const name = errorName.replace(/^org\.freedesktop\.DBus\.Error\./, '');
  if (name === 'ServiceUnknown' || name === 'NameHasNoOwner' || name.startsWith('Spawn.'))
    return noKeychainService;
  if (name === 'NoReply' || name === 'TimedOut' || name === 'Timeout') return serviceNotResponding;
  if (name === 'org.freedesktop.Secret.Error.IsLocked') return keyringLocked;
  return serviceFailed(message);
}
