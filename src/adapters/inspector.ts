/**
 * Node's inspector, by which whoever reaches it reads and runs what they like. SIGUSR1 opens it, unless somebody
 * listens to that: this module does as soon as it is loaded, so it is to be the first that a program imports.
 */
process.on('SIGUSR1', () => undefined);

/**
 * It may have been opened while Node itself was starting. Node hears of the signal in two ways and opens it at the
 * first, and again at the second where it is closed by then: that one comes with the next turn of the loop (seen with
 * Node 20 to 26). One that was asked for by an option stays.
 */
export function closeInspector(): void {
  const isAskedFor = [...process.execArgv, process.env['NODE_OPTIONS'] ?? ''].some((option) =>
    option.includes('--inspect'),
  );
  if (isAskedFor) return;
  // Loaded here, for it takes 2 ms.
  const inspector = process.getBuiltinModule('node:inspector');
  const close = (): void => {
    if (inspector.url() !== undefined) inspector.close();
  };
  close();
  setImmediate(close);
}
