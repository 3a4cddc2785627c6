import { createEphemeralKeys } from './create-ephemeral-keys.ts';
import { createTokenForServiceAccount } from './create-token-for-service-account.ts';
import { createToken } from './create-token.ts';
import { exchangeToken } from './exchange-token.ts';
import { getLog } from './get-log.ts';
import { listClouds } from './list-clouds.ts';
import { metadataToken } from './metadata-token.ts';
import { revokeToken } from './revoke-token.ts';
import type { Route } from './route.ts';
import { setFault } from './set-fault.ts';

/** Every address of the emulator. */
export const routes: readonly Route[] = [
  createToken,
  createTokenForServiceAccount,
  createEphemeralKeys,
  revokeToken,
  metadataToken,
  exchangeToken,
  listClouds,
  setFault,
  getLog,
];
