import assert from 'node:assert/strict';
import { RecentNotices } from '../../src/sources/recent-notices.ts';
import { oauthKind } from '../../src/sources/kinds/oauth.ts';
import { createSourceTools } from '../support/iam/source-tools.ts';
import { createTestClock } from '../support/time/test-clock.ts';

describe('RecentNotices', () => {
  it('D2: searches for yc once a minute, however often status is called', () => {
    const clock = createTestClock();
    let searches = 0;
    const { programs, ...tools } = createSourceTools({ clock });
    const find = (): string | null => {
      searches += 1;
      return searches === 1 ? null : '/usr/bin/yc';
    };
    const notices = new RecentNotices({
      clock,
      tools: { ...tools, programs: { ...programs, find } },
      findCredentialKind: (name) => (name === 'oauth' ? oauthKind : null),
    });
    const suggestedKind = (): unknown => {
      const notice = notices.get('oauth');
      return typeof notice === 'object' && notice !== null && 'kind' in notice ? notice.kind : null;
    };
    for (let n = 0; n < 1_000; n += 1) assert.equal(suggestedKind(), 'service-account-key');
    assert.equal(searches, 1);
    clock.advance(60_001);
    assert.equal(suggestedKind(), 'yc');
    assert.equal(searches, 2);
    assert.equal(notices.get('unknown'), null);
  });
});
