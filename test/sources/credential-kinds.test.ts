import assert from 'node:assert/strict';
import { formatHint } from '../../src/shared/hint.ts';
import { credentialKinds, findCredentialKind } from '../../src/sources/credential-kinds.ts';
import { suggestOtherKinds } from '../../src/sources/kinds/oauth-sunset.ts';
import { sourceFixtures } from '../support/iam/source-fixtures.ts';
import { createSourceTools } from '../support/iam/source-tools.ts';
import { testSourceContract } from './source-contract.ts';

for (const kind of credentialKinds) {
  const createFixture = sourceFixtures[kind.name];
  if (createFixture !== undefined) testSourceContract(kind, createFixture);
}

describe('the kinds of credential', () => {
  it('are found by their names', () => {
    for (const kind of credentialKinds) assert.equal(findCredentialKind(kind.name), kind);
    assert.equal(findCredentialKind('OAuth'), null);
    assert.equal(findCredentialKind('toString'), null);
    assert.equal(new Set(credentialKinds.map(({ name }) => name)).size, credentialKinds.length);
  });

  it('have a fixture for the contract, each of them', () => {
    assert.deepEqual(
      Object.keys(sourceFixtures).toSorted(),
      credentialKinds.map(({ name }) => name).toSorted(),
    );
  });

  it('are all suggested in place of OAuth tokens', () => {
    const suggestion = formatHint(suggestOtherKinds(createSourceTools()));
    for (const { name } of credentialKinds) {
      assert.equal(suggestion.includes(`--${name}`), name !== 'oauth', name);
    }
  });
});
