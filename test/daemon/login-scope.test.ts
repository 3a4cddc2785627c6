import assert from 'node:assert/strict';
import type { HttpClient } from '../../src/shared/http-client.ts';
import type { ProfileScope } from '../../src/protocol/messages.ts';
import {
  codeOf,
  type Running,
  startProfiles,
  tokenOf,
  type World,
  world,
} from '../support/profiles-fixture.ts';
import { sourceTools } from '../support/source-tools.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const never = new AbortController().signal;

describe('the scope of a profile', () => {
  const folder = temporaryFolder();
  let here: World;
  let running: Running;
  /** What whoever made the credential works in. */
  let known: ProfileScope;
  /** IAM does not let the credential act as another. */
  let refused: boolean;

  beforeEach(() => {
    here = world(folder());
    known = {};
    const kind = { ...here.iam.kind, cloudAndFolder: async () => known };
    refused = true;
    const http: HttpClient = {
      send: async () => {
        const body = refused
          ? '{"code":7,"message":"Permission denied"}'
          : '{"iamToken":"t1.of.ajesa","expiresAt":"2026-11-24T20:00:00Z"}';
        return { status: refused ? 403 : 200, headers: new Map(), body };
      },
    };
    running = startProfiles(here, { kindOf: () => kind, tools: sourceTools({ clock: here.clock, http }) });
  });

  async function scopeAfter(scope: ProfileScope): Promise<ProfileScope> {
    await running.profiles.login({ kind: 'oauth', secret: 'a', ...scope }, never);
    const { cloudId, folderId } = running.current().profiles['default'] ?? {};
    return { ...(cloudId === undefined ? {} : { cloudId }), ...(folderId === undefined ? {} : { folderId }) };
  }

  it('is kept as the login says it, across a restart', async () => {
    const scope = { cloudId: 'b1gcloud', folderId: 'b1gfolder' };
    assert.deepEqual(await scopeAfter(scope), scope);
    const { cloudId, folderId } = startProfiles(here).current().profiles['default'] ?? {};
    assert.deepEqual({ cloudId, folderId }, scope);
  });

  it('is taken from the credential where the login does not say it', async () => {
    known = { cloudId: 'b1gknown', folderId: 'b1gknown' };
    assert.deepEqual(await scopeAfter({}), known);
    assert.deepEqual(await scopeAfter({ folderId: 'b1gsaid' }), { cloudId: 'b1gknown', folderId: 'b1gsaid' });
  });

  it('is that of the last login', async () => {
    await scopeAfter({ cloudId: 'b1gcloud' });
    assert.deepEqual(await scopeAfter({}), {});
  });

  it('says as whom the profile acts, and a login fails that may not', async () => {
    const acting = { kind: 'oauth', secret: 'a', impersonateServiceAccountId: 'ajesa' };
    assert.equal(await codeOf(running.profiles.login(acting, never)), 'login_required');
    assert.deepEqual(running.current().profiles, {});
    refused = false;
    await running.profiles.login(acting, never);
    assert.equal(running.current().profiles['default']?.impersonateServiceAccountId, 'ajesa');
    assert.equal(await tokenOf(running.profiles.named()), 't1.of.ajesa');
  });
});
