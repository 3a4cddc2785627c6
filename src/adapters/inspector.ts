/**
 * Node's inspector, by which whoever reaches it reads and runs what they like. SIGUSR1 opens it, unless somebody
 * listens to that: this module does as soon as it is loaded, so it is to be the first that a program imports.
 */
process.on('SIGUSR1', () => undefined);

/** It may have been opened while Node itself was starting. One that was asked for by an option stays. */
export function closeInspector(): void {
  const isAskedFor = [...process.execArgv, process.env['NODE_OPTIONS'] ?? ''].some((option) =>
    option.includes('--inspect'),
  );
  if (isAskedFor) return;
  // Loaded here, for it takes 2 ms.
  const inspector = process.getBuiltinModule('node:inspector');
  if (inspector.url() !== undefined) inspector.close();
}
