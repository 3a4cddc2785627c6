import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { chmodSync, chownSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { daemonUid, serviceAccountId } from '../../support/containers/container-lab.ts';
import { KubeletVolume } from '../../support/containers/kubelet-volume.ts';
import { metadataApp, useLoadedLab } from '../../support/containers/loaded-lab.ts';
import { createIssuerToken, distrustIssuer, trustIssuer } from '../../support/containers/oidc-issuers.ts';
import { readCommandBlocks } from '../../support/documents.ts';
import { waitUntil } from '../../support/wait-until.ts';

const node = '/usr/lib/iam-tokend/node';
const login = `--workload-identity ${serviceAccountId} --token-file /oidc/token`;
const maxArchiveBytes = 120_000_000;

describe('container image', function () {
  this.timeout(240_000);
  const lab = useLoadedLab();
  let oidc: KubeletVolume;

  beforeEach(() => {
    oidc = new KubeletVolume(join(lab().folder, 'oidc'), daemonUid);
    oidc.write({ token: createIssuerToken(0) });
    writeFileSync(join(lab().folder, 'config.yaml'), 'metadata: { listen: "127.0.0.1:8099" }\n');
  });
  afterEach(async () => {
    await lab().run('podman rm --all --force --time 0; podman volume rm --all --force');
    rmSync(oidc.folder, { recursive: true });
  });

  const startDaemon = (options = '', args = login): Promise<string> =>
    lab().succeed(
      `podman run --detach --name iam-tokend --read-only --tmpfs /run/iam-tokend --volume ${oidc.folder}:/oidc:ro ${options} iam-tokend ${args}`,
    );
  const inDaemon = (command: string) => lab().run(`podman exec iam-tokend ${command}`);
  const readLog = async (): Promise<string> => {
    const { stdout, stderr } = await lab().run('podman logs iam-tokend');
    return stdout + stderr;
  };
  const hasToken = async (): Promise<boolean> => (await inDaemon('iam-token --format none')).code === 0;
  const waitForToken = (): Promise<void> => waitUntil(hasToken, 'the daemon has a token', 60_000);
  const waitForLog = (text: string): Promise<void> =>
    waitUntil(async () => (await readLog()).includes(text), text, 60_000);

  describe('19.1: three uses', () => {
    const environment = (): Readonly<Record<string, string>> => ({
      OIDC_FOLDER: oidc.folder,
      SA_ID: serviceAccountId,
      OIDC_TOKEN: createIssuerToken(0),
      CI_FOLDER: join(lab().folder, 'ci'),
    });
    /** Runs the blocks of a recipe with a program of the app. */
    function recipe(heading: string, app: string): { readonly daemon: string; readonly app: string } {
      const [block = ''] = readCommandBlocks(heading);
      const [daemon = '', appCommand = ''] = block
        .replace('IMAGE PROGRAM', () => app)
        .split(/^(?=podman run --rm)/m);
      return { daemon, app: appCommand };
    }
    const currentToken = async (): Promise<string> => (await inDaemon('iam-token')).stdout.trim();

    /** The app gets the daemon's token before and after a renewal with another OIDC token, and after a restart. */
    async function expectTokens(app: string): Promise<void> {
      await waitForToken();
      const first = await currentToken();
      assert.match(first, /^t1\./);
      assert.equal(await lab().succeed(app, environment()), first);
      trustIssuer(lab().emulator, 1);
      oidc.write({ token: createIssuerToken(1) });
      distrustIssuer(lab().emulator, 0);
      const { code, stderr } = await inDaemon('iam-token refresh');
      assert.equal(code, 0, stderr);
      const second = await lab().succeed(app, environment());
      assert.notEqual(second, first);
      assert.equal(second, await currentToken());
      await lab().succeed('podman restart --time 5 iam-tokend');
      await waitForToken();
      assert.equal(await lab().succeed(app, environment()), await currentToken());
      trustIssuer(lab().emulator, 0);
      distrustIssuer(lab().emulator, 1);
    }

    it('a sidecar with workload identity shares its socket through a volume', async () => {
      const { daemon, app } = recipe('Sidecar with a shared socket', '--entrypoint iam-token iam-tokend');
      await lab().succeed(daemon, environment());
      await expectTokens(app);
      const loggedOut = await lab().run(app.replace(/iam-tokend\s*$/, 'iam-tokend logout'), environment());
      assert.equal(loggedOut.code, 2);
      assert.match(loggedOut.stderr, /container/);
    });

    it("a sidecar answers YC_METADATA_ADDR inside the pod's network namespace", async () => {
      const program = `--entrypoint ${node} iam-tokend -e "${metadataApp}"`;
      const { daemon, app } = recipe('Sidecar with a metadata address', program);
      await lab().succeed(daemon, environment());
      await expectTokens(app);
    });

    it("a service serves a CI job, whose token's file comes later", async () => {
      mkdirSync(join(lab().folder, 'ci'));
      chmodSync(join(lab().folder, 'ci'), 0o755);
      const { daemon, app } = recipe('Service of a CI job', '--entrypoint iam-token iam-tokend');
      const [run = '', ...job] = daemon.split(/^(?=printf)/m);
      await lab().succeed(run, environment());
      await waitForLog('does not exist');
      await lab().succeed(job.join(''), environment());
      assert.match(await lab().succeed(app, environment()), /^t1\.[^\n]*$/m);
      assert.equal(await lab().succeed('podman ps --all --quiet'), '');
    });
  });

  it('19.1: its process 1 forwards signals and reaps, and its root file system and its user are not those of root', async () => {
    await startDaemon();
    await waitForToken();
    const orphan = `require('node:child_process').spawn('${node}', ['-e', 'setTimeout(() => {}, 300)'], { detached: true, stdio: 'ignore' }).unref()`;
    await lab().succeed(`podman exec iam-tokend ${node} -e "${orphan}"`);
    const states = `const fs = require('node:fs'); console.log(fs.readdirSync('/proc').filter((name) => /^[0-9]+$/.test(name)).map((pid) => fs.readFileSync('/proc/' + pid + '/stat', 'latin1').replace(/.*[)] /, '').split(' ')[0]).join(''))`;
    await waitUntil(
      async () => (await inDaemon(`${node} -e "${states}"`)).stdout.trim().length === 3,
      'the orphan has ended and was reaped',
    );
    assert.doesNotMatch((await inDaemon(`${node} -e "${states}"`)).stdout, /Z/);
    const uid = `console.log(process.getuid()); try { require('node:fs').writeFileSync('/etc/x', '') } catch (error) { console.log(error.code) }`;
    assert.equal((await inDaemon(`${node} -e "${uid}"`)).stdout, `${daemonUid}\nEROFS\n`);
    await lab().succeed('podman stop --time 20 iam-tokend');
    assert.equal(await lab().succeed("podman inspect --format '{{.State.ExitCode}}' iam-tokend"), '0');
  });

  it('19.1: runs without a shell, and its health check prints no token', async () => {
    const shells = ['dash', 'bash'].map((name) => `--volume /dev/null:/usr/bin/${name}:ro`).join(' ');
    await startDaemon(`${shells} --health-cmd '["iam-token", "--format", "none"]'`);
    assert.notEqual((await inDaemon('sh -c true')).code, 0);
    await waitForToken();
    await lab().succeed('podman healthcheck run iam-tokend');
    assert.doesNotMatch(await lab().succeed('podman inspect iam-tokend'), /t1\./);
    assert.equal((await inDaemon('iam-token logout')).code, 0);
    assert.notEqual((await lab().run('podman healthcheck run iam-tokend')).code, 0);
  });

  it('19.1: is an OCI archive of at most 120 MB, and two builds with one SOURCE_DATE_EPOCH, each from a base of its own, are identical', async function () {
    if (process.env['IAM_TOKEND_IMAGE'] !== undefined) return;
    const hashOf = (path: string): string => createHash('sha256').update(readFileSync(path)).digest('hex');
    const first = join(lab().folder, 'image.tar');
    assert.ok(statSync(first).size <= maxArchiveBytes);
    assert.match(await lab().succeed(`tar -tf ${first}`), /^oci-layout$/m);
    assert.equal(hashOf(await lab().buildImage('second.tar', [])), hashOf(first));
  });

  describe('19: bad input', () => {
    it('another uid: the volume of a daemon is not used by another one, and its socket is closed to other programs', async () => {
      const volume = join(lab().folder, 'sockets');
      mkdirSync(join(volume, 'ipc'), { recursive: true });
      chmodSync(volume, 0o1777);
      chmodSync(join(volume, 'ipc'), 0o700);
      chownSync(join(volume, 'ipc'), daemonUid, daemonUid);
      const mount = `--volume ${volume}:/run/iam-tokend`;
      const other = await lab().run(`podman run --rm --read-only --user 20000 ${mount} iam-tokend`);
      assert.notEqual(other.code, 0);
      assert.match(other.stderr, /\/run\/iam-tokend\/ipc belongs to another user \(uid 10001\)/);
      await lab().succeed(
        `podman run --detach --name iam-tokend --read-only ${mount} --volume ${oidc.folder}:/oidc:ro iam-tokend ${login}`,
      );
      await waitForToken();
      const app = await lab().run(`podman run --rm --user 20000 ${mount} --entrypoint iam-token iam-tokend`);
      assert.equal(app.code, 3);
      assert.match(app.stderr, /permission denied/);
      rmSync(volume, { recursive: true });
    });

    it('a missing volume: the daemon names what it cannot write', async () => {
      const readOnly = 'podman run --rm --read-only --read-only-tmpfs=false';
      const noSockets = await lab().run(`${readOnly} --tmpfs /tmp iam-tokend`);
      assert.notEqual(noSockets.code, 0);
      assert.match(noSockets.stderr, /cannot create the socket's folder \/run\/iam-tokend\/ipc: .*read-only/);
      const noState = await lab().run(`${readOnly} --tmpfs /run/iam-tokend iam-tokend`);
      assert.notEqual(noState.code, 0);
      assert.match(noState.stderr, /cannot create the configuration folder .*: .*read-only/);
    });

    it('an expired OIDC token: the log says when it expired, and the next one is used without a restart', async () => {
      oidc.write({ token: createIssuerToken(0, -60) });
      await startDaemon();
      await waitForLog('expired');
      assert.equal(await hasToken(), false);
      oidc.write({ token: createIssuerToken(0) });
      await waitForToken();
    });

    it('no network: the log says so', async () => {
      await startDaemon('--network none');
      await waitForLog('cannot reach');
      assert.equal(await hasToken(), false);
    });
  });
});
