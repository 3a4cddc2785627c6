/**
 * The keychain helper: the daemon forks it, and it ends with the daemon. Nothing for a person to start.
 */
import { closeInspector } from '../adapters/inspector.ts';
import { loadCLibrary } from '../adapters/c-library.ts';
import { systemClock } from '../adapters/system-clock.ts';
import { serveKeychain, type ParentChannel } from '../keychain/keychain-helper.ts';
import { itemAtMostBytes, keychainItems } from '../keychain/keychain-items.ts';
import { loadKeytar } from '../keychain/keytar-library.ts';
import { secretService } from '../keychain/secret-service.ts';

// Ctrl-C goes to the terminal's whole foreground group, and a service manager's SIGTERM to the whole service. The
// daemon may need its keychain once more to stop in good order; it ends the helper itself, or its end does.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});

const { platform, env } = process;
process.umask(0o077);
// Before it is asked for anything, and so before a secret is here.
closeInspector();
loadCLibrary(platform)?.hideMemory();
const clock = systemClock();

if (process.send === undefined) {
  process.stderr.write('keychain-helper: error: only iam-tokend can start this program\n');
  process.exitCode = 2;
} else {
  serveKeychain({
    parent: process as ParentChannel,
    loadItems: async () => keychainItems(await loadKeytar(platform), itemAtMostBytes(platform)),
    secretService:
      platform === 'darwin' || platform === 'win32'
        ? null
        : secretService({ environment: env, uid: process.getuid?.() ?? 0, clock }),
    clock,
    die: () => process.kill(process.pid, 'SIGKILL'),
  });
}
