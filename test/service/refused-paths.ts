/** Paths that no unit, plist or task may contain. */
export const refusedPaths = [
  '/a\nExecStartPre=/bin/evil',
  '/a\rb',
  '/a\u0000',
  '/a\u001b[31m',
  '/a\u0085',
  '/a\ufffd',
  '/\ud800',
];
