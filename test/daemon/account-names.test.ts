import assert from 'node:assert/strict';
import type { HttpClient, HttpRequest, HttpResponse } from '../../src/shared/http-client.ts';
import type { ProfilesParts } from '../../src/daemon/profiles/profiles.ts';
import { listStatuses, listSummaries, createNameSorter } from '../../src/daemon/requests/profile-rows.ts';
import { mintToken } from '../emulator/mint-token.ts';
import {
  createProfilesFixture,
  login,
  type ProfilesFixture,
  refreshToken,
  type RunningProfiles,
  startProfiles,
} from '../support/daemon/profiles-fixture.ts';
import { createSourceTools } from '../support/iam/source-tools.ts';
import { useTemporaryFolder } from '../support/temporary-folder.ts';

const robotId = 'ajesrobot00000000001';

function impersonatedToken(): HttpResponse {
  const body = JSON.stringify({ iamToken: mintToken(robotId), expiresAt: '2026-11-25T00:00:00Z' });
  return { status: 200, headers: new Map(), body };
}

describe('18.3: the display name of an account', () => {
  const folder = useTemporaryFolder();
  let fixture: ProfilesFixture;
  /** By the id of the account; the others may not be read. */
  let names: Record<string, string>;
  let requests: HttpRequest[];
  let isNameLookupEnabled: boolean;

  beforeEach(() => {
    fixture = createProfilesFixture(folder());
    names = { 'subject-of-a': 'ada' };
    requests = [];
    isNameLookupEnabled = true;
  });

  async function start(): Promise<RunningProfiles> {
    const http: HttpClient = {
      send: async (request) => {
        requests.push(request);
        if (request.method === 'POST') return impersonatedToken();
        const name = names[request.url.split('/').at(-1) ?? ''];
        const headers = new Map<string, string>();
        return name === undefined
          ? { status: 403, headers, body: '{"code":7,"message":"Permission denied"}' }
          : { status: 200, headers, body: JSON.stringify({ samlUserAccount: { nameId: name }, name }) };
      },
    };
    const overrides: Partial<ProfilesParts> = {
      tools: createSourceTools({ clock: fixture.clock, http }),
      isNameLookupEnabled: () => isNameLookupEnabled,
    };
    const running = await startProfiles(fixture, overrides);
    await running.profiles.load();
    return running;
  }

  const statusesOf = ({ profiles }: RunningProfiles) =>
    listStatuses(profiles, {}, fixture.clock, createNameSorter()).profiles;
  const namesOf = (running: RunningProfiles) => statusesOf(running).map(({ displayName }) => displayName);

  it('is looked up once at a login, and shown after a restart without another call', async () => {
    const running = await start();
    await login(running, 'a');
    await refreshToken(running.profiles.get());
    assert.deepEqual(
      requests.map(({ method, url }) => [method, url]),
      [['GET', 'https://iam.example.net/iam/v1/userAccounts/subject-of-a']],
    );
    assert.deepEqual(running.current().profiles['default']?.account, {
      id: 'subject-of-a',
      displayName: 'ada',
    });
    await running.profiles.stop();
    assert.deepEqual(namesOf(await start()), ['ada']);
    assert.equal(requests.length, 1);
  });

  it('is not part of the list of profiles on the wire, which stays as it was', async () => {
    const running = await start();
    await login(running, 'a');
    assert.deepEqual(listSummaries(running.profiles, {}, createNameSorter()).profiles, [
      { profile: 'default', isDefault: true, kind: 'oauth' },
    ]);
  });

  it('is missing without the permission, and the login succeeds', async () => {
    const running = await start();
    await login(running, 'b');
    assert.deepEqual(namesOf(running), [undefined]);
    assert.deepEqual([statusesOf(running)[0]?.state, requests.length], ['ok', 1]);
  });

  it('stays with the same account if a later login cannot look it up, and goes with another account', async () => {
    const running = await start();
    await login(running, 'a');
    names = {};
    await login(running, 'a');
    assert.deepEqual(namesOf(running), ['ada']);
    await login(running, 'b');
    assert.deepEqual(namesOf(running), [undefined]);
    assert.equal(running.current().profiles['default']?.account, undefined);
  });

  it('is not shown beside a token of another account', async () => {
    const running = await start();
    await login(running, 'a');
    await running.registry.update((before) => {
      const entry = before.profiles['default'];
      assert.ok(entry !== undefined);
      const account = { id: 'subject-of-other', displayName: 'other' };
      return { ...before, profiles: { default: { ...entry, account } } };
    });
    assert.deepEqual(namesOf(running), [undefined]);
  });

  it('stays shown while there is no token', async () => {
    const running = await start();
    await login(running, 'a');
    await running.profiles.lock();
    const [status] = statusesOf(running);
    assert.deepEqual([status?.subject, status?.displayName, status?.state], [null, 'ada', 'locked']);
  });

  it('follows the profile to another name, and stays when only a setting changes', async () => {
    const running = await start();
    await login(running, 'a');
    await running.profiles.editor.rename('default', 'work');
    const { signal } = new AbortController();
    await running.profiles.editor.edit({ profile: 'work', folderId: 'b1g1' }, signal);
    assert.deepEqual(namesOf(running), ['ada']);
    assert.equal(requests.length, 1);
  });

  it('is that of the impersonated service account', async () => {
    names = { [robotId]: 'my-robot' };
    const running = await start();
    const params = { kind: 'oauth', secret: 'a', impersonateServiceAccountId: robotId };
    await running.profiles.login(params, new AbortController().signal);
    assert.deepEqual(
      requests.map(({ method, url }) => `${method} ${url}`),
      [
        'POST https://iam.example.net/iam/v1/tokens:createForServiceAccount',
        `GET https://iam.example.net/iam/v1/serviceAccounts/${robotId}`,
      ],
    );
    assert.deepEqual(namesOf(running), ['my-robot']);
  });

  it('is not looked up if the setting is off', async () => {
    isNameLookupEnabled = false;
    const running = await start();
    await login(running, 'a');
    assert.deepEqual([namesOf(running), requests.length], [[undefined], 0]);
  });
});
