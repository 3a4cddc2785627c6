import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { oauthToken, type TestEnvironment, startTestEnvironment } from '../support/test-environment.ts';
import {
  createWorkloads,
  type WorkloadDefinition,
  workloadNames,
} from '../support/systems/third-party-workloads.ts';
import {
  createWorkspace,
  startNodeWorker,
  type WorkerProcess,
  type Workspace,
} from '../support/systems/third-party-workspace.ts';
import type { TokenService } from '../support/network/token-services.ts';
import { root } from '../conventions/source-tree.ts';
import { tlsCertificate } from '../support/network/tls-certificate.ts';

/** A token is served for ten seconds: it counts as expired 60 s before its end. */
const lifetimeMs = 70_000;
const intervalMs = 1_000;

interface Workload {
  readonly service: TokenService;
  readonly worker: WorkerProcess;
  /** The output of each run. */
  readonly outputs: string[];
}

describe('third-party packages beyond the expiry of a token', function () {
  this.timeout(180_000);
  let testEnv: TestEnvironment;
  let workspace: Workspace;
  const workloads = new Map<string, Workload>();

  /** Validates a token by a request to the emulator. */
  async function isTokenValid(token: string): Promise<boolean> {
    const headers = { authorization: `Bearer ${token}` };
    return (await fetch(`${testEnv.emulator.url}/resource-manager/v1/clouds`, { headers })).ok;
  }

  function startWorkload({ name, service, moduleText, environment }: WorkloadDefinition): void {
    const worker = startNodeWorker(workspace, name, moduleText, [String(service.port)], {
      ...testEnv.environment,
      PATH: `${workspace.bin}:${testEnv.environment['PATH']}`,
      ...environment,
    });
    workloads.set(name, { service, worker, outputs: [] });
  }

  /** Runs the work at regular intervals until the first token has expired and another one is in use. */
  async function runPastExpiry({ service, worker, outputs }: Workload): Promise<void> {
    const endMs = performance.now() + 2 * lifetimeMs;
    do {
      outputs.push(await worker.runOnce());
      await delay(intervalMs);
      const firstToken = service.acceptedTokens[0];
      if (
        firstToken === undefined ||
        (!(await isTokenValid(firstToken)) && service.acceptedTokens.at(-1) !== firstToken)
      )
        return;
    } while (worker.isAlive() && performance.now() < endMs);
  }

  before(async () => {
    const config = 'metadata: { listen: "127.0.0.1:0" }\n';
    testEnv = await startTestEnvironment({ store: 'memory', lifetimeMs, config });
    await testEnv.startDaemon();
    await testEnv.iamToken(['login', '--stdin'], oauthToken);
    workspace = createWorkspace();
    workspace.write({ 'ca.pem': tlsCertificate });

    const { daemon } = JSON.parse((await testEnv.iamToken(['status', '--json'])).stdout) as {
      readonly daemon: { readonly metadataAddress: string };
    };
    const definitions = await createWorkloads(isTokenValid, workspace, daemon.metadataAddress);
    for (const definition of definitions) startWorkload(definition);
    await Promise.all([...workloads.values()].map(runPastExpiry));
  });

  after(async () => {
    await Promise.all(
      [...workloads.values()].map(async ({ worker, service }) => {
        await worker.stop();
        await service.close();
      }),
    );
    workspace?.remove();
    await testEnv?.stop();
  });

  for (const name of workloadNames) {
    it(`keep ${name} working, without a rejected token`, async () => {
      const workload = workloads.get(name);
      assert.ok(workload !== undefined);
      const { service, worker, outputs } = workload;
      assert.deepEqual(new Set(outputs), new Set(['done']));
      assert.deepEqual(service.rejectedTokens, []);
      assert.ok(service.acceptedTokens.length >= 2, 'another token was used');
      assert.equal(await isTokenValid(service.acceptedTokens[0] ?? ''), false);
      assert.ok(worker.isAlive());
    });
  }

  it('accept the types of the library', () => {
    const program = `import * as grpc from '@grpc/grpc-js';
      import { Session } from '@yandex-cloud/nodejs-sdk';
      import OpenAI from 'openai';
      import { Driver, TokenAuthService } from 'ydb-sdk';
      import { iamTokenCache } from 'iam-tokend/client';
      import { fetchWithIamToken, grpcCallCredentials, nodejsSdkSession, ydbAuthService } from 'iam-tokend/adapters';
      const tokens = iamTokenCache();
      const authService = ydbAuthService(TokenAuthService, tokens);
      export const all: [grpc.CallCredentials, Session, Driver, OpenAI] = [
        grpcCallCredentials(grpc, tokens),
        new Session(nodejsSdkSession(tokens)),
        new Driver({ connectionString: 'grpc://localhost/local', authService }),
        new OpenAI({ apiKey: tokens.getToken, fetch: fetchWithIamToken(tokens) }),
      ];`;
    const compilerOptions = {
      ...{ module: 'node20', target: 'es2023', strict: true, noEmit: true, skipLibCheck: true },
      ...{ types: ['node'], typeRoots: [join(root, 'node_modules/@types')] },
    };
    const files = ['user.mts', 'user.cts'];
    for (const name of files) workspace.write({ [name]: program });
    workspace.write({ 'tsconfig.json': JSON.stringify({ compilerOptions, files }) });
    const tsc = join(root, 'node_modules/typescript/bin/tsc');
    const { stdout, status } = spawnSync(process.execPath, [tsc, '--project', workspace.folder], {
      encoding: 'utf8',
    });
    assert.deepEqual([stdout, status], ['', 0]);
  });
});
