import assert from 'node:assert/strict';
import { startConnectProxy } from '../support/connect-proxy.ts';
import { startPostgres } from '../support/postgres.ts';
import { oauthToken, type RunningHouse, startHouse } from '../support/running-house.ts';
import { makeWorkplace, worker, type Workplace } from '../support/third-party.ts';
import { startHttpService } from '../support/token-services.ts';

/**
 * Their services take no token but the newest, which is harder than the real ones: those take the one before, too, as
 * long as it lives.
 */
describe('programs of Debian, over a rotation of the token', function () {
  this.timeout(60_000);
  let house: RunningHouse;
  let workplace: Workplace;
  let environment: Readonly<Record<string, string>>;
  let newest: string;

  const look = async (): Promise<void> => {
    newest = (await house.iamToken()).stdout.trim();
  };
  const rotate = async (): Promise<void> => {
    const before = newest;
    await house.iamToken(['refresh']);
    await look();
    assert.notEqual(newest, before);
  };
  const isNewest = (token: string): boolean => token === newest;

  before(async () => {
    house = await startHouse({ store: 'memory', config: 'http: { socket: true }\n' });
    await house.startDaemon();
    await house.iamToken(['login', '--stdin'], oauthToken);
    await look();
    workplace = makeWorkplace();
    environment = { ...house.environment, PATH: `${workplace.bin}:${house.environment['PATH']}` };
  });

  after(async () => {
    workplace?.remove();
    await house?.stop();
  });

  const curls = {
    'a header of iam-token’s': 'curl -sSf -H @<(iam-token --format header)',
    'a token from http.sock': `curl -sSf -H @<(
        curl -sSf --unix-socket "$XDG_RUNTIME_DIR/iam-tokend/http.sock" http://localhost/v1/token |
        node -p '"Authorization: Bearer " + JSON.parse(fs.readFileSync(0)).token')`,
  };
  for (const [how, command] of Object.entries(curls)) {
    it(`curl has ${how}`, async () => {
      const service = await startHttpService({
        judge: isNewest,
        answer: () => ({ type: 'text/plain', body: 'done\n' }),
      });
      const script = `while read -r; do ${command} http://127.0.0.1:${service.port}/ 2>&1; done`;
      const shell = worker('bash', ['-c', script], workplace.folder, environment);
      try {
        assert.equal(await shell.work(), 'done');
        await rotate();
        assert.equal(await shell.work(), 'done');
        assert.equal(service.accepted.length, 2);
        assert.deepEqual(service.refused, []);
      } finally {
        await shell.end();
        await service.close();
      }
    });
  }

  it('psql has it as its password, and anew for each connection', async () => {
    const postgres = await startPostgres();
    const { connection } = postgres;
    const start = `PGPASSWORD=$(iam-token) exec psql -XqAt '${connection}' 2>&1`;
    postgres.setPassword(newest);
    const psql = worker('sh', ['-c', start], workplace.folder, environment);
    const connectAnew = `\\setenv PGPASSWORD \`iam-token\`\n\\c "${connection}"\nselect 'done';`;
    try {
      assert.equal(await psql.work("select 'done';"), 'done');
      const first = newest;
      await rotate();
      postgres.setPassword(newest);
      assert.equal(await psql.work("select 'done';"), 'done', 'a connection outlives its password');
      assert.equal(await psql.work(connectAnew), 'done');
      const late = worker('sh', ['-c', start.replace('$(iam-token)', first)], workplace.folder, environment);
      assert.match(await late.work("select 'done';"), /password authentication failed/);
    } finally {
      await psql.end();
      await postgres.stop();
    }
  });

  it('skopeo has it from the helper for cr.yandex', async () => {
    const registry = await startHttpService({
      judge: isNewest,
      tls: true,
      challenge: 'Basic realm="registry"',
      tokenOf: ({ headers: { authorization = '' } }) => {
        const [user, ...token] = Buffer.from(authorization.replace(/^Basic /, ''), 'base64')
          .toString()
          .split(':');
        return user === 'iam' ? token.join(':') : undefined;
      },
      answer: () => ({ type: 'application/json', body: '{"name":"crp1/app","tags":["done"]}' }),
    });
    const proxy = await startConnectProxy(registry.port);
    workplace.write({ 'auth.json': '{"credHelpers":{"cr.yandex":"iam-token"}}' });
    const command = 'skopeo list-tags --tls-verify=false --authfile auth.json docker://cr.yandex/crp1/app';
    const script = `while read -r; do ${command} 2>&1 | tr -d ' \\n'; echo; done`;
    const env = { ...environment, HTTPS_PROXY: proxy.url };
    const shell = worker('bash', ['-c', script], workplace.folder, env);
    try {
      const tags = '{"Repository":"cr.yandex/crp1/app","Tags":["done"]}';
      assert.equal(await shell.work(), tags);
      await rotate();
      assert.equal(await shell.work(), tags);
      assert.equal(registry.accepted.length, 2);
      assert.deepEqual(registry.refused, []);
    } finally {
      await shell.end();
      await proxy.close();
      await registry.close();
    }
  });
});
