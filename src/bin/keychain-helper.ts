/** The keychain helper: the daemon forks it, and it exits with the daemon. Users do not run it. */
import { closeInspector } from '../adapters/close-inspector.ts';
import { loadCLibrary } from '../adapters/c-library.ts';
import { createSystemClock } from '../adapters/system-clock.ts';
import { serveKeychain, type ParentChannel } from '../stores/keychain/keychain-helper.ts';
import { maxItemBytes, createKeychainItems, serviceName } from '../stores/keychain/keychain-items.ts';
import { loadKeytar } from '../stores/keychain/keytar-library.ts';
import { createSecretService } from '../stores/secret-service/secret-service.ts';

// Ctrl-C goes to the terminal's whole foreground group, and a service manager's SIGTERM to the whole service. The
// daemon may need its keychain once more while it stops; the helper exits when the daemon closes the channel.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});

const { platform, env } = process;
process.umask(0o077);
// Before the first request, and so before a secret is in memory.
closeInspector();
loadCLibrary(platform)?.protectMemory();
const clock = createSystemClock();

if (process.send === undefined) {
  process.stderr.write('keychain-helper: error: only iam-tokend can start this program\n');
  process.exitCode = 2;
} else {
  serveKeychain({
    parent: process as ParentChannel,
    loadItems: async () => createKeychainItems(await loadKeytar(platform), maxItemBytes(platform)),
    secretService:
      platform === 'darwin' || platform === 'win32'
        ? null
        : createSecretService({ environment: env, uid: process.getuid?.() ?? 0, clock, serviceName }),
    clock,
    killSelf: () => process.kill(process.pid, 'SIGKILL'),
  });
}
