import { describeOldRelease } from '../support/processes/node-release-check.ts';

// The syntax is tried with real releases, in test/slow.
describe('a release of Node that claims to be older', () => {
  const claim = "Object.defineProperty(process.versions, 'node', { value: '20.18.1' });";
  describeOldRelease(process.execPath, '20.18.1', claim);
});
