import type { DaemonStatus } from '../../../../src/protocol/method-types.ts';
import { respondWith, type Script } from '../../../support/daemon/scripted-daemon.ts';
import { version } from '../../../../src/shared/version.ts';

export const helloResult = { version, protocol: 1 };
export const passphrase = 'correct hörse cAnArY';
export const oauthToken = 'y0_AgAAAABcanary';
const login = { profile: 'default', subject: 'aje0ada', expiresAt: '2026-11-24T22:04:05.000Z' };

export const openStatus: DaemonStatus = {
  version,
  pid: 42,
  startedAt: '2026-11-24T08:00:00.000Z',
  store: { kind: 'file', state: 'open', problem: null },
};
export const closedStatus = (passphraseState: 'needed' | 'new'): DaemonStatus => ({
  ...openStatus,
  store: {
    kind: 'file',
    state: 'closed',
    problem: { code: 'locked', message: 'the file store is locked', hint: 'iam-token unlock' },
    passphrase: passphraseState,
  },
});

export const createStatusResult = (daemon: DaemonStatus): object => ({ daemon, profiles: [], next: null });
export const scriptWithStore = (daemon: DaemonStatus, outcome: 'made' | 'opened' | 'was_open'): Script =>
  respondWith({ hello: helloResult, status: createStatusResult(daemon), unlock: { outcome }, login });
