import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readPemCertificates } from '../../../config/pem-certificates.ts';
import { addNetworkSettings, type NetworkSettings } from '../../../config/add-network-settings.ts';
import { systemFiles } from '../../../files/file-system.ts';
import { createFolder, folderOf } from '../../../files/folders.ts';
import { writeFileAtomically } from '../../../files/write-file.ts';
import { pathModuleOf, userFolders, type ProcessContext } from '../../../platform/paths.ts';
import { parseProxyUrl } from '../../../config/proxy-url.ts';
import { promptYesNo, canPrompt } from '../../terminal/prompt.ts';
import { printWarning } from '../../terminal/terminal.ts';

/** Variables that override `config.yaml`, and the keys that they override. */
const configKeys = {
  IAM_TOKEND_IAM_ENDPOINT: 'iam.endpoint',
  IAM_TOKEND_STORE: 'store',
  IAM_TOKEND_LOG_LEVEL: 'log.level',
};

/** Offers to save the network settings of this shell, whose environment a service does not inherit. */
export async function saveProxySettings(processContext: ProcessContext): Promise<void> {
  const { env } = processContext;
  const path = join(userFolders(processContext).config, 'config.yaml');
  for (const [name, key] of Object.entries(configKeys)) {
    if (env[name])
      printWarning(`the service does not inherit ${name} from this shell`, `set ${key} in ${path}`);
  }
  const text = existsSync(path) ? readFileSync(path, 'utf8') : '';
  const addition = await addNetworkSettings(text, networkSettingsFrom(processContext, path));
  if (addition === null)
    return printWarning(`${path} is not valid and was left unchanged`, 'iam-token doctor');
  const lines = Object.entries(addition.addedSettings).map(([key, value]) => `${key}: ${value}`);
  if (lines.length === 0) return;
  const message = `the service does not inherit the network settings of this shell (${lines.join(', ')})`;
  if (!canPrompt()) return printWarning(message, `set them under network: in ${path}`);
  const { caFile } = addition.addedSettings;
  const [violation] = caFile === undefined ? [] : (await readPemCertificates(caFile)).violations;
  if (violation !== undefined)
    return printWarning(`${message}; ${caFile} ${violation}`, `set caFile in ${path}`);
  if (!(await promptYesNo(`iam-token: ${message}; save them to ${path}?`, 'yes'))) return;
  const file = { path, name: 'the configuration' };
  const fsContext = systemFiles(processContext.uid);
  await createFolder(folderOf(file), fsContext);
  // The user may have edited the file before answering.
  const overwriteGuard = {
    isUnchanged: (current: Buffer) => current.equals(Buffer.from(text)),
    hint: 'iam-token install',
  };
  // The file may already hold a proxy with a password.
  const content = { bytes: Buffer.from(addition.text), mode: 0o600, overwriteGuard };
  await writeFileAtomically(file, content, fsContext);
}

function networkSettingsFrom({ env, platform }: ProcessContext, path: string): NetworkSettings {
  const proxy = env['HTTPS_PROXY'] || env['https_proxy'] || '';
  const caFile = env['NODE_EXTRA_CA_CERTS'] || env['SSL_CERT_FILE'] || '';
  const hasPassword = proxy.includes('@');
  if (hasPassword) {
    printWarning(
      'the proxy of this shell includes a password and was not saved',
      `set network.proxy in ${path}`,
    );
  }
  return {
    ...(parseProxyUrl(proxy).ok && !hasPassword ? { proxy } : {}),
    ...(pathModuleOf(platform).isAbsolute(caFile) ? { caFile } : {}),
  };
}
