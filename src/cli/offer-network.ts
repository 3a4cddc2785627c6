import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { addNetwork, type NetworkSettings } from '../config/add-network.ts';
import { folders, type Surroundings } from '../platform/places.ts';
import { proxyPattern } from '../shared/endpoint.ts';
import { askYesNo, canAsk } from './asking.ts';
import { printWarning } from './terminal.ts';
import { writeWhole } from './write-whole.ts';

/** Settings of the daemon's that a shell may have and a service never sees. */
const daemonVariables = ['IAM_TOKEND_IAM_ENDPOINT', 'IAM_TOKEND_STORE', 'IAM_TOKEND_LOG_LEVEL'];

/** A service does not see the shell's environment: what it needs of it is written down, if the person likes. */
export async function offerNetwork(surroundings: Surroundings): Promise<void> {
  const { env } = surroundings;
  const path = join(folders(surroundings).config, 'config.yaml');
  for (const name of daemonVariables.filter((name) => env[name])) {
    printWarning(`${name} is set here, and a service does not see it`, `write it into ${path}`);
  }
  const text = existsSync(path) ? readFileSync(path, 'utf8') : '';
  const addition = await addNetwork(text, networkOf(env));
  if (addition === null) return printWarning(`${path} has mistakes, and stays as it is`);
  const lines = Object.entries(addition.added).map(([key, value]) => `${key}: ${value}`);
  if (lines.length === 0) return;
  const said = `this shell goes to the network with ${lines.join(' and ')}, and a service does not see that`;
  if (!canAsk()) return printWarning(said, `write it into ${path}, under network:`);
  if (!(await askYesNo(`iam-token: ${said}; write it into ${path}?`, 'yes'))) return;
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  // A proxy that is in it already may have a password.
  writeWhole(path, addition.text, 0o600);
}

function networkOf(env: Surroundings['env']): NetworkSettings {
  const proxy = env['HTTPS_PROXY'] || env['https_proxy'] || '';
  const caFile = env['NODE_EXTRA_CA_CERTS'] || env['SSL_CERT_FILE'] || '';
  const hasPassword = proxy.includes('@');
  if (hasPassword) {
    printWarning('the proxy of this shell has a password, which is not written into a file unasked');
  }
  return {
    ...(proxyPattern.test(proxy) && !hasPassword ? { proxy } : {}),
    ...(caFile.startsWith('/') ? { caFile } : {}),
  };
}
