import assert from 'node:assert/strict';
import { readBlocks, readCommandBlocks } from '../support/documents.ts';
import { startConnectProxy } from '../support/network/connect-proxy.ts';
import { startPostgres } from '../support/systems/postgres.ts';
import { oauthToken, type TestEnvironment, startTestEnvironment } from '../support/test-environment.ts';
import { createWorkspace, startWorker, type Workspace } from '../support/systems/third-party-workspace.ts';
import { parseRegistryToken, startHttpService } from '../support/network/token-services.ts';

/**
 * The services accept only the newest token. Real services also accept older ones until they expire.
 */
describe('Debian programs after a token rotation', () => {
  let testEnv: TestEnvironment;
  let workspace: Workspace;
  let environment: Readonly<Record<string, string>>;
  let newestToken: string;

  const readNewestToken = async (): Promise<void> => {
    newestToken = (await testEnv.iamToken()).stdout.trim();
  };
  const rotateToken = async (): Promise<void> => {
    const previousToken = newestToken;
    await testEnv.iamToken(['refresh']);
    await readNewestToken();
    assert.notEqual(newestToken, previousToken);
  };
  const isNewest = (token: string): boolean => token === newestToken;

  before(async () => {
    testEnv = await startTestEnvironment({ store: 'memory', config: 'http: { socket: true }\n' });
    await testEnv.startDaemon();
    await testEnv.iamToken(['login', '--stdin'], oauthToken);
    await readNewestToken();
    workspace = createWorkspace();
    environment = { ...testEnv.environment, PATH: `${workspace.bin}:${testEnv.environment['PATH']}` };
  });

  after(async () => {
    workspace?.remove();
    await testEnv?.stop();
  });

  const curlCommands = {
    'a header of iam-token': 'iam-token --format header | curl -sSf -H @-',
    'a token from http.sock': `curl -sSf --unix-socket "$XDG_RUNTIME_DIR/iam-tokend/http/http.sock" http://localhost/v1/token |
        node -p '"Authorization: Bearer " + JSON.parse(fs.readFileSync(0)).token' | curl -sSf -H @-`,
  };
  for (const [description, command] of Object.entries(curlCommands)) {
    it(`curl sends ${description}`, async () => {
      const service = await startHttpService({
        isTokenValid: isNewest,
        respond: () => ({ type: 'text/plain', body: 'done\n' }),
      });
      const script = `while read -r; do ${command} http://127.0.0.1:${service.port}/ 2>&1; done`;
      const shell = startWorker('bash', ['-c', script], workspace.folder, environment);
      try {
        assert.equal(await shell.runOnce(), 'done');
        await rotateToken();
        assert.equal(await shell.runOnce(), 'done');
        assert.equal(service.acceptedTokens.length, 2);
        assert.deepEqual(service.rejectedTokens, []);
      } finally {
        await shell.stop();
        await service.close();
      }
    });
  }

  it('psql uses the token as its password, and reads it for each connection', async () => {
    const postgres = await startPostgres();
    const { connection } = postgres;
    const [psqlRecipe = ''] = readCommandBlocks('psql and PostgreSQL clients');
    const [reconnectRecipe = ''] = readBlocks('psql and PostgreSQL clients', '');
    const documentedConnection = /"host=[^"]*"/;
    const psqlCommand = psqlRecipe
      .replace(documentedConnection, `'${connection}' 2>&1`)
      .replace('psql', 'exec psql -XqAt');
    postgres.setPassword(newestToken);
    const psql = startWorker('sh', ['-c', psqlCommand], workspace.folder, environment);
    const reconnectCommand = `${reconnectRecipe.replace(documentedConnection, `"${connection}"`)}select 'done';`;
    try {
      assert.equal(await psql.runOnce("select 'done';"), 'done');
      const firstToken = newestToken;
      await rotateToken();
      postgres.setPassword(newestToken);
      assert.equal(await psql.runOnce("select 'done';"), 'done', 'an open connection survives the rotation');
      assert.equal(await psql.runOnce(reconnectCommand), 'done');
      const staleClient = startWorker(
        'sh',
        ['-c', psqlCommand.replace('$(iam-token)', firstToken)],
        workspace.folder,
        environment,
      );
      assert.match(await staleClient.runOnce("select 'done';"), /password authentication failed/);
    } finally {
      await psql.stop();
      await postgres.stop();
    }
  });

  it('skopeo gets the token from the helper for cr.yandex', async () => {
    const registry = await startHttpService({
      isTokenValid: isNewest,
      tls: true,
      challenge: 'Basic realm="registry"',
      extractToken: parseRegistryToken,
      respond: () => ({ type: 'application/json', body: '{"name":"crp1/app","tags":["done"]}' }),
    });
    const proxy = await startConnectProxy(registry.port);
    workspace.write({ 'auth.json': '{"credHelpers":{"cr.yandex":"iam-token"}}' });
    const command = 'skopeo list-tags --tls-verify=false --authfile auth.json docker://cr.yandex/crp1/app';
    const script = `while read -r; do ${command} 2>&1 | tr -d ' \\n'; echo; done`;
    const env = { ...environment, HTTPS_PROXY: proxy.url };
    const shell = startWorker('bash', ['-c', script], workspace.folder, env);
    try {
      const tags = '{"Repository":"cr.yandex/crp1/app","Tags":["done"]}';
      assert.equal(await shell.runOnce(), tags);
      await rotateToken();
      assert.equal(await shell.runOnce(), tags);
      assert.equal(registry.acceptedTokens.length, 2);
      assert.deepEqual(registry.rejectedTokens, []);
    } finally {
      await shell.stop();
      await proxy.close();
      await registry.close();
    }
  });
});
