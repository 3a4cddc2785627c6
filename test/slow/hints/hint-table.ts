import { clientScenarios } from './client-scenarios.ts';
import { containerAndKeychainScenarios, daemonScenarios, metadataScenario } from './daemon-scenarios.ts';
import { doctorScenarios } from './doctor-scenarios.ts';
import { fileScenarios } from './file-scenarios.ts';
import type { HintScenario } from './hint-scenario.ts';
import { keyScenarios } from './key-scenarios.ts';
import { keychainScenarios } from './keychain-scenarios.ts';
import { loginScenarios } from './login-scenarios.ts';
import { machineScenarios } from './machine-scenarios.ts';
import { profileScenarios } from './profile-scenarios.ts';
import { storeScenarios } from './store-scenarios.ts';

export const hintScenarios: readonly HintScenario[] = [
  ...fileScenarios,
  ...loginScenarios,
  ...profileScenarios,
  ...keyScenarios,
  ...daemonScenarios,
  metadataScenario,
  ...containerAndKeychainScenarios,
  ...storeScenarios,
  ...doctorScenarios,
  ...keychainScenarios,
  ...machineScenarios,
  ...clientScenarios,
];
