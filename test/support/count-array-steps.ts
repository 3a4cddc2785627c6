const countedMethods = [
  Symbol.iterator,
  'every',
  'filter',
  'find',
  'findIndex',
  'flatMap',
  'forEach',
  'includes',
  'indexOf',
  'map',
  'reduce',
  'slice',
  'some',
  'with',
] as const;

const arrayPrototype = Object.getPrototypeOf([]) as object;

/** The elements of arrays that the methods of arrays, spreads and loops visit: a measure of the work that needs no clock. */
export async function countArraySteps(work: () => void | Promise<void>): Promise<number> {
  let stepCount = 0;
  const originals = countedMethods.map(
    (name) => [name, Object.getOwnPropertyDescriptor(arrayPrototype, name)] as const,
  );
  for (const [name, descriptor] of originals) {
    const method = descriptor?.value as (...args: unknown[]) => unknown;
    const counting = function (this: readonly unknown[], ...args: unknown[]): unknown {
      stepCount += this.length;
      return Reflect.apply(method, this, args);
    };
    Object.defineProperty(arrayPrototype, name, { ...descriptor, value: counting });
  }
  try {
    await work();
  } finally {
    for (const [name, descriptor] of originals) {
      if (descriptor !== undefined) Object.defineProperty(arrayPrototype, name, descriptor);
    }
  }
  return stepCount;
}
