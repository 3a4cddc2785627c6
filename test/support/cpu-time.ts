/** Milliseconds that the processor worked for this, however busy the machine is with other things. */
export function cpuTimeMs(run: () => void): number {
  const before = process.cpuUsage();
  run();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1_000;
}
