import { constants } from 'node:crypto';
import { once } from 'node:events';
import { isIP, type Socket } from 'node:net';
import type { SecureContext, TLSSocket } from 'node:tls';

/**
 * Everything that decides whom a connection trusts, given explicitly: otherwise Node takes it from variables and options,
 * such as `NODE_OPTIONS=--tls-min-v1.0`, `--use-openssl-ca` with `SSL_CERT_FILE`, or `OPENSSL_CONF`.
 * @param certificates each in PEM, trusted in addition to the authorities that Node contains
 */
export function createTlsContext(certificates: readonly string[]): SecureContext {
  const tls = process.getBuiltinModule('node:tls');
  return tls.createSecureContext({
    ca: [...tls.rootCertificates, ...certificates],
    minVersion: 'TLSv1.2',
    maxVersion: 'TLSv1.3',
    // Node's list, whatever --tls-cipher-list says. @SECLEVEL=2: keys of at least 2,048 bits, no SHA-1.
    ciphers: `${constants.defaultCoreCipherList}:@SECLEVEL=2`,
  });
}

/**
 * Verifies the certificate for `host`, whatever the environment says, and writes no keys to a file.
 * @throws the error of OpenSSL or of the connection
 */
export async function startTls(
  socket: Socket,
  host: string,
  secureContext: SecureContext,
  signal: AbortSignal,
): Promise<TLSSocket> {
  const tlsSocket = process.getBuiltinModule('node:tls').connect({
    socket,
    host,
    // RFC 6066, section 3: an address is no server name.
    servername: isIP(host) === 0 ? host : '',
    secureContext,
    // NODE_TLS_REJECT_UNAUTHORIZED=0 changes the default only.
    rejectUnauthorized: true,
    enableTrace: false,
    ALPNProtocols: ['http/1.1'],
  });
  // Node adds one for --tls-keylog; the first keys arrive in a later turn of the event loop.
  tlsSocket.removeAllListeners('keylog');
  try {
    await once(tlsSocket, 'secureConnect', { signal });
  } catch (error) {
    tlsSocket.destroy();
    throw error;
  } finally {
    // Errors that follow are the caller's.
    tlsSocket.on('error', () => undefined);
  }
  return tlsSocket;
}
