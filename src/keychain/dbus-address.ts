/**
 * Where the session bus listens, as paths for `net.connect`, the one to try first in front. An abstract one begins
 * with a zero byte, and is reached from Node 22 on: Node 20 (tried: 20.20) pads its name with zeros. Empty where the environment names no bus that can be reached.
 *
 * "Server Addresses" of the D-Bus Specification. As in GLib, which libsecret uses, the bus of the runtime folder
 * counts only while no address is set, and an empty address is no bus. Nothing here starts a bus (`autolaunch:`).
 */
export function sessionBusPaths(environment: NodeJS.ProcessEnv): readonly string[] {
  const addresses = environment['DBUS_SESSION_BUS_ADDRESS'];
  if (addresses !== undefined) return addresses.split(';').flatMap(unixPaths);
  const runtimeFolder = environment['XDG_RUNTIME_DIR'];
  return runtimeFolder === undefined || runtimeFolder === '' ? [] : [`${runtimeFolder}/bus`];
}

function unixPaths(address: string): readonly string[] {
  const [transport, rest] = halves(address, ':');
  if (transport !== 'unix') return [];
  return rest.split(',').flatMap((entry) => {
    const [key, escaped] = halves(entry, '=');
    const value = unescaped(escaped);
    if (value === null || value === '' || value.includes('\0')) return [];
    if (key === 'path') return [value];
    return key === 'abstract' ? [`\0${value}`] : [];
  });
}

function halves(text: string, separator: string): readonly [string, string] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
}

function unescaped(value: string): string | null {
  try {
    return decodeURIComponent(value);
  } catch {
    return null; // no UTF-8, or a `%` without two digits: not an address that Node could open
  }
}
