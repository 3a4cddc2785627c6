/** The kinds that hand no secret in: the daemon finds it where they say. */
import { resolve } from 'node:path';
import { programPlaces } from '../platform/find-program.ts';
import { isForeignProgram } from '../platform/surroundings.ts';
import { usageError } from './endings.ts';
import type { LoginKind } from './login-kind.ts';

export const metadata: LoginKind = {
  name: 'metadata',
  option: 'metadata',
  ownOptions: [],
  waitsFor: 'the metadata service',
  read: () => ({}),
};

export const workloadIdentity: LoginKind = {
  name: 'workload-identity',
  option: 'workload-identity',
  ownOptions: ['token-file'],
  waitsFor: 'Yandex Cloud',

  check({ options }) {
    if (options.flag('token-file')) return;
    throw usageError(
      '--workload-identity needs the file of the OIDC token',
      'iam-token login --workload-identity SA_ID --token-file PATH',
    );
  },

  /** The daemon works in another folder. */
  read: ({ options }) => ({
    settings: {
      serviceAccountId: options.text('workload-identity') ?? '',
      tokenFile: resolve(options.text('token-file') ?? ''),
    },
  }),
};

export const yc: LoginKind = {
  name: 'yc',
  option: 'yc',
  ownOptions: ['yc-profile'],
  waitsFor: 'yc, which may open a browser',

  /** A person's PATH has more folders than a service's. */
  read({ options, surroundings }) {
    const profile = options.text('yc-profile');
    const path = programPlaces('yc', surroundings).find(isForeignProgram);
    return {
      settings: {
        ...(path === undefined ? {} : { path }),
        ...(profile === undefined ? {} : { profile }),
      },
    };
  },
};
