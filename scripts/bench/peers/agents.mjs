// The programs that iam-token is compared with: each starts its server, and stores what its client then asks for.
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { once } from 'node:events';
import { join } from 'node:path';
import { tlsCertificate, tlsKey } from '../../../dist/test/support/network/tls-certificate.js';
import { run, startServer } from './processes.mjs';

/** `git credential-cache get`. */
export async function startGitCredentialCache(folder) {
  const socketFolder = join(folder, 'git');
  mkdirSync(socketFolder, { mode: 0o700 });
  const socket = join(socketFolder, 'socket');
  const program = '/usr/lib/git-core/git-credential-cache';
  const stopServer = await startServer(
    '/usr/lib/git-core/git-credential-cache--daemon',
    [socket],
    {},
    socket,
  );
  const question = join(folder, 'git-question');
  writeFileSync(question, 'protocol=https\nhost=example.org\n\n');
  const credential = `protocol=https\nhost=example.org\nusername=me\npassword=${'p'.repeat(300)}\n`;
  await run(program, ['--socket', socket, 'store'], {}, credential);
  const argv = [program, '--socket', socket, 'get'];
  return { name: 'git credential-cache get', argv, stdin: question, stop: stopServer };
}

/** `ssh-add -l`. */
export async function startSshAgent(folder) {
  const socket = join(folder, 'ssh.sock');
  const stop = await startServer('ssh-agent', ['-D', '-a', socket], {}, socket);
  const key = join(folder, 'ssh-key');
  await run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', key], {});
  await run('ssh-add', ['-q', key], { SSH_AUTH_SOCK: socket });
  return {
    name: 'ssh-add -l',
    argv: ['/usr/bin/ssh-add', '-l'],
    env: { SSH_AUTH_SOCK: socket },
    socket,
    stop,
  };
}

/** `oidc-token`, of Debian's oidc-agent, logged in at a provider of this process. */
export async function startOidcAgent(folder) {
  const provider = await startOidcProvider();
  const socket = join(folder, 'oidc.sock');
  const configFolder = join(folder, 'oidc');
  mkdirSync(configFolder, { mode: 0o700 });
  const certificate = join(folder, 'oidc.pem');
  writeFileSync(certificate, tlsCertificate);
  const env = { HOME: folder, OIDC_SOCK: socket, OIDC_CONFIG_DIR: configFolder };
  const stopAgent = await startServer('oidc-agent', ['--console', '--socket-path', socket], env, socket);
  const client = ['--client-id=bench', '--client-secret=secret', '--redirect-uri=http://localhost:4242'];
  const login = [
    '--flow=refresh',
    '--rt=refresh',
    '--scope=openid offline_access',
    `--issuer=${provider.issuer}`,
  ];
  const unattended = ['--prompt=none', '--confirm-default', '--no-url-call', '--pw-cmd=echo password'];
  await run(
    'oidc-gen',
    ['bench', '--manual', ...client, ...login, ...unattended, `--cert-path=${certificate}`],
    env,
  );
  const stop = async () => {
    await stopAgent();
    provider.stop();
  };
  return { name: 'oidc-token', argv: ['/usr/bin/oidc-token', 'bench'], env, stop };
}

async function startOidcProvider() {
  const server = createServer({ key: tlsKey, cert: tlsCertificate }, (request, response) => {
    request.resume().once('end', () => {
      const body = bodies(`https://${request.headers.host}`)[request.url];
      response.writeHead(body === undefined ? 404 : 200, { 'content-type': 'application/json' });
      response.end(JSON.stringify(body ?? {}));
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const stop = () => {
    server.close();
    server.closeAllConnections();
  };
  return { issuer: `https://localhost:${server.address().port}`, stop };
}

/** OpenID Connect Discovery 1.0, section 3; RFC 6749, section 5.1. */
const bodies = (issuer) => ({
  '/.well-known/openid-configuration': {
    issuer,
    authorization_endpoint: `${issuer}/authorize`,
    token_endpoint: `${issuer}/token`,
    jwks_uri: `${issuer}/jwks`,
    response_types_supported: ['code'],
    grant_types_supported: ['refresh_token'],
    scopes_supported: ['openid', 'offline_access'],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: ['RS256'],
  },
  '/token': {
    access_token: 't'.repeat(300),
    token_type: 'Bearer',
    expires_in: 43_200,
    refresh_token: 'refresh',
    scope: 'openid offline_access',
  },
});
