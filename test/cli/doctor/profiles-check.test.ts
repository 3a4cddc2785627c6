import { oauthSunset } from '../../../src/sources/kinds/oauth-sunset.ts';
import { describeFaults, type FaultCase } from './doctor-fixture.ts';

const faultCases: readonly FaultCase[] = [
  ['no profile', 'profiles', 4, /no profiles yet/, (fixture) => (fixture.profiles = [])],
  [
    'no default profile',
    'profiles',
    7,
    /no default profile/,
    (fixture) => (fixture.profiles = fixture.profiles.map((each) => ({ ...each, isDefault: false }))),
  ],
  [
    'an unknown default profile',
    'profiles',
    7,
    /IAM_TOKEND_PROFILE is set to "home"/,
    ({ env }) => (env['IAM_TOKEND_PROFILE'] = 'home'),
  ],
  [
    'a rejected credential',
    'profile work',
    4,
    /access denied; token valid for/,
    (fixture) => {
      const problem = { code: 'login_required', message: 'access denied', hint: 'iam-token login' } as const;
      fixture.profiles = fixture.profiles.map((each) => ({ ...each, state: 'login_required', problem }));
    },
  ],
  [
    'a failing renewal while the token is valid',
    'profile work',
    0,
    /IAM is down; token valid for/,
    (fixture) => {
      const problem = { code: 'unavailable', message: 'IAM is down' } as const;
      fixture.profiles = fixture.profiles.map((each) => ({ ...each, state: 'failing', problem }));
    },
  ],
  [
    'a failing renewal without a token',
    'profile work',
    5,
    /IAM is down; no valid token/,
    (fixture) => {
      const problem = { code: 'unavailable', message: 'IAM is down' } as const;
      fixture.profiles = fixture.profiles.map((each) => ({
        ...each,
        state: 'failing',
        problem,
        timeLeftMs: 0,
      }));
    },
  ],
  [
    'C4: the end of OAuth tokens',
    'profile work',
    0,
    /^token valid for .*; new OAuth tokens have been refused .*; move this profile to another kind: iam-token login --yc$/,
    (fixture) => {
      const notice = `${oauthSunset}; move this profile to another kind: iam-token login --yc`;
      fixture.profiles = fixture.profiles.map((each) => ({ ...each, notice }));
    },
  ],
];

describeFaults('doctor, for the profiles', faultCases);
