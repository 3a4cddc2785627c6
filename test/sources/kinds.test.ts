import assert from 'node:assert/strict';
import { credentialKinds, kindNamed } from '../../src/sources/kinds.ts';
import { otherKinds } from '../../src/sources/oauth-end.ts';
import { sourceHouses } from '../support/source-houses.ts';
import { sourceTools } from '../support/source-tools.ts';
import { sourceContract } from './source-contract.ts';

for (const kind of credentialKinds) {
  const furnish = sourceHouses[kind.name];
  if (furnish !== undefined) sourceContract(kind, furnish);
}

describe('the kinds of credential', () => {
  it('have a name each, by which they are found', () => {
    for (const kind of credentialKinds) assert.equal(kindNamed(kind.name), kind);
    assert.equal(kindNamed('OAuth'), null);
    assert.equal(kindNamed('toString'), null);
    assert.equal(new Set(credentialKinds.map(({ name }) => name)).size, credentialKinds.length);
  });

  it('are held to one contract, each of them', () => {
    assert.deepEqual(
      Object.keys(sourceHouses).toSorted(),
      credentialKinds.map(({ name }) => name).toSorted(),
    );
  });

  it('are named where OAuth has ended', () => {
    const said = otherKinds(sourceTools());
    for (const { name } of credentialKinds) {
      assert.equal(said.includes(`--${name}`), name !== 'oauth', name);
    }
  });
});
