/** This release; `test/conventions/packages/packages.test.ts` checks it against package.json. */
export const version = '0.2.0';
