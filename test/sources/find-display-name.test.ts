import assert from 'node:assert/strict';
import { setImmediate } from 'node:timers/promises';
import type { HttpClient, HttpRequest, HttpResponse } from '../../src/shared/http-client.ts';
import { Secret } from '../../src/shared/secret.ts';
import type { AccountCollection } from '../../src/sources/credential-kind.ts';
import { findDisplayName } from '../../src/sources/find-display-name.ts';
import { createScriptedHttp } from '../support/iam/scripted-http.ts';
import { createSourceTools } from '../support/iam/source-tools.ts';
import { createTestClock } from '../support/time/test-clock.ts';

const installation = {
  endpoint: 'https://iam.example.net',
  audience: 'https://iam.example.net/iam/v1/tokens',
};
const id = 'ajeg2b2et02f00000001';
const accountUrl = (collection: AccountCollection): string =>
  `https://iam.example.net/iam/v1/${collection}/${id}`;

/** Responds by the URL; 403 for all others. */
function respondByUrl(bodies: Readonly<Record<string, string>>) {
  const requests: HttpRequest[] = [];
  const http: HttpClient = {
    send: async (request): Promise<HttpResponse> => {
      requests.push(request);
      const body = bodies[request.url];
      const headers = new Map<string, string>();
      if (body !== undefined) return { status: 200, headers, body };
      return { status: 403, headers, body: '{"code":7,"message":"Permission denied"}' };
    },
  };
  return { http, requests };
}

function find(http: HttpClient, collections: readonly AccountCollection[], accountId = id) {
  const signal = new AbortController().signal;
  return findDisplayName(
    accountId,
    collections,
    new Secret('t1.secret'),
    installation,
    signal,
    createSourceTools({ http }),
  );
}

describe('18.3: the lookup of a display name', () => {
  it('is one GET with the token, to the collection of the account', async () => {
    const { http, requests } = respondByUrl({ [accountUrl('serviceAccounts')]: '{"name":"my-robot"}' });
    assert.equal(await find(http, ['serviceAccounts']), 'my-robot');
    assert.deepEqual(requests, [
      {
        method: 'GET',
        url: accountUrl('serviceAccounts'),
        headers: { accept: 'application/json', authorization: 'Bearer t1.secret' },
      },
    ]);
  });

  it('goes on to the next collection if the first does not name the account', async () => {
    const { http, requests } = respondByUrl({ [accountUrl('serviceAccounts')]: '{"name":"my-robot"}' });
    assert.equal(await find(http, ['userAccounts', 'serviceAccounts']), 'my-robot');
    assert.equal(requests.length, 2);
  });

  it('finds none without the permission, and in a response that is not of IAM', async () => {
    assert.equal(await find(respondByUrl({}).http, ['userAccounts', 'serviceAccounts']), null);
    for (const body of ['', '[]', '<html>', '{"code":7,"message":"x"}', '{"name":{}}'])
      assert.equal(await find(createScriptedHttp({ body }), ['serviceAccounts']), null, body);
  });

  it('sends nothing for an id that cannot be one of an account', async () => {
    const { http, requests } = respondByUrl({});
    assert.equal(await find(http, ['serviceAccounts'], '../tokens'), null);
    assert.equal(requests.length, 0);
  });

  it('ends after two seconds, all collections together, and when the login is cancelled', async () => {
    const clock = createTestClock();
    const http = createScriptedHttp('hang');
    const tools = createSourceTools({ http, clock });
    const cancellation = new AbortController();
    const collections = ['userAccounts', 'serviceAccounts'] as const;
    const lookUp = () =>
      findDisplayName(id, collections, new Secret('t1.x'), installation, cancellation.signal, tools);
    let outcome: string | null | undefined;
    const slowLookup = lookUp().then((name) => (outcome = name));
    clock.advance(1_999);
    await setImmediate();
    assert.equal(outcome, undefined);
    clock.advance(1);
    await slowLookup;
    assert.deepEqual([outcome, http.requests.length], [null, 1]);
    const cancelledLookup = lookUp();
    cancellation.abort();
    assert.equal(await cancelledLookup, null);
  });
});
