/**
 * Keeps Node's inspector closed in a program that was started without `closedInspectorOption`, such as by
 * `node iam-tokend.js`: any process that reaches it can read memory and run code. SIGUSR1 opens it unless the signal has
 * a listener, so this module adds one when it is loaded and must be the first import of a program.
 */
process.on('SIGUSR1', () => undefined);

/**
 * Closes an inspector that SIGUSR1 opened while Node was starting. Node opens it twice for one signal, the second time
 * in the next turn of the event loop (seen with Node 20 to 26). An inspector requested on the command line stays open.
 */
export function closeInspector(): void {
  // Not --inspect-port, which only names the address, and not NODE_OPTIONS, which is not the user's request here.
  if (process.execArgv.some((option) => /^--inspect(?!-port)/.test(option))) return;
  // Loaded only here: it takes 2 ms.
  const inspector = process.getBuiltinModule('node:inspector');
  const close = (): void => {
    if (inspector.url() !== undefined) inspector.close();
  };
  close();
  setImmediate(close);
}
