/** OIDC tokens of issuers that the emulator trusts or not, so that a test can tell which token a daemon has used. */
import type { Emulator } from '../../emulator/emulator.ts';
import { createFederation, createOidcToken, externalSubject, issuer } from '../iam/source-fixtures.ts';
import { serviceAccountId } from './container-lab.ts';

const issuerOf = (number: number): string => `${issuer}/${number}`;

export function trustIssuer(emulator: Emulator, number: number): void {
  emulator.addFederation({ ...createFederation(serviceAccountId), issuer: issuerOf(number) });
}

export function distrustIssuer(emulator: Emulator, number: number): void {
  emulator.removeFederation(issuerOf(number));
}

/** @param lifetimeSeconds negative: it has expired */
export function createIssuerToken(number: number, lifetimeSeconds = 3_600): string {
  const exp = Math.floor(Date.now() / 1_000) + lifetimeSeconds;
  return createOidcToken({ iss: issuerOf(number), sub: externalSubject, exp });
}
