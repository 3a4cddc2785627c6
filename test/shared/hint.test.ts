import assert from 'node:assert/strict';
import { IamTokenError, problemOf, renderProblem } from '../../src/shared/errors.ts';
import { formatHint, type Hint, type HintProfile, joinHints } from '../../src/shared/hint.ts';

describe('a hint', () => {
  const rows: readonly (readonly [title: string, hint: Hint, profile: HintProfile, text: string])[] = [
    ['is text', 'set HOME', { name: 'work', kind: 'yc' }, 'set HOME'],
    ['is a command', { command: 'unlock' }, {}, 'iam-token unlock'],
    ['leaves an unknown kind to login', { command: 'login' }, {}, 'iam-token login'],
    ['names the profile', { command: 'refresh' }, { name: 'work' }, 'iam-token refresh --profile work'],
    ['quotes the profile', { command: 'refresh' }, { name: 'a b' }, "iam-token refresh --profile='a b'"],
    [
      "logs in with the profile's own kind",
      { command: 'login' },
      { name: 'work', kind: 'service-account-key' },
      'iam-token login --profile work --service-account-key FILE',
    ],
    [
      'logs in with another kind',
      { command: 'login', kind: 'yc' },
      { kind: 'oauth' },
      'iam-token login --yc',
    ],
    [
      "C1: repeats the profile's own options",
      { command: 'login' },
      {
        name: 'ci',
        kind: 'workload-identity',
        settings: {
          serviceAccountId: 'ajeci',
          tokenFile: '/run/my token',
          tokenUrl: 'https://kz.example/token',
        },
      },
      "iam-token login --profile ci --workload-identity ajeci --token-file='/run/my token' --token-url https://kz.example/token",
    ],
    [
      'C1: does not repeat them for another kind',
      { command: 'login', kind: 'yc' },
      { kind: 'oauth', settings: { profile: 'prod' } },
      'iam-token login --yc',
    ],
    [
      'C1: has further options, and a program that runs it',
      { text: 'on the host', runner: 'flatpak-spawn --host', command: 'login', options: '--endpoint URL' },
      { kind: 'yc', settings: { profile: "a'b" } },
      String.raw`on the host: flatpak-spawn --host iam-token login --yc --yc-profile='a'\''b' --endpoint URL`,
    ],
    [
      'does not unlock one profile alone',
      { command: 'unlock' },
      { name: 'work', kind: 'yc' },
      'iam-token unlock',
    ],
    [
      'has a line for each step',
      ['put it back', { text: 'then', command: 'login' }],
      { kind: 'metadata' },
      'put it back\nthen: iam-token login --metadata',
    ],
  ];
  for (const [title, hint, profile, text] of rows) {
    it(title, () => assert.equal(formatHint(hint, profile), text));
  }

  it('is joined with others, some of them absent', () => {
    assert.equal(joinHints(undefined, undefined), undefined);
    assert.equal(joinHints(undefined, 'a'), 'a');
    assert.deepEqual(joinHints(['a', 'b'], undefined, { command: 'login' }), [
      'a',
      'b',
      { command: 'login' },
    ]);
  });

  it('is text in an error, and data again in its problem', () => {
    const error = new IamTokenError({ code: 'login_required', message: 'm', hint: { command: 'login' } });
    assert.equal(error.hint, 'iam-token login');
    assert.deepEqual(problemOf(error).hint, { command: 'login' });
    assert.equal(renderProblem(problemOf(error), { kind: 'yc' }).hint, 'iam-token login --yc');
  });
});
