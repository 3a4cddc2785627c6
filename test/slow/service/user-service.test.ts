import assert from 'node:assert/strict';
import { getUserManagerSkipReason } from '../../support/systems/user-manager.ts';
import { UserService } from '../../support/systems/user-service.ts';
import { describeCredentials } from './user-service/describe-credentials.ts';
import { describeInstallation } from './user-service/describe-installation.ts';
import { describeIsolation } from './user-service/describe-isolation.ts';
import { describeLostSocket } from './user-service/describe-lost-socket.ts';
import { describeSandboxes } from './user-service/describe-sandboxes.ts';
import { describeSupervision } from './user-service/describe-supervision.ts';
import { describeTerminalCommands } from './user-service/describe-terminal-commands.ts';
import { describeUpgrade } from './user-service/describe-upgrade.ts';

describe('systemd user service', () => {
  const service = new UserService();
  let filesBefore: string;

  before(async function () {
    if (getUserManagerSkipReason() !== null) this.skip();
    await service.start();
  });
  after(() => service.stop());

  beforeEach(async () => {
    filesBefore = await service.listFilesAndUnits();
    service.writeConfig(`iam: { endpoint: "${service.emulator.url}" }\n`);
  });
  afterEach(async () => {
    await service.iamToken('uninstall', '--purge');
    assert.equal(await service.listFilesAndUnits(), filesBefore, 'nothing is left');
  });

  describeInstallation(service);
  describeSupervision(service);
  describeIsolation(service);
  describeCredentials(service);
  describeLostSocket(service);
  describeSandboxes(service);
  describe('upgraded from 0.1.0', () => describeUpgrade(service));
  describe('on a terminal', () => describeTerminalCommands(service));
});
