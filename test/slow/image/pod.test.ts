import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { daemonUid, serviceAccountId } from '../../support/containers/container-lab.ts';
import { KubeletVolume } from '../../support/containers/kubelet-volume.ts';
import { metadataApp, useLoadedLab } from '../../support/containers/loaded-lab.ts';
import { createIssuerToken, distrustIssuer, trustIssuer } from '../../support/containers/oidc-issuers.ts';
import { PodManifest } from '../../support/containers/pod-manifest.ts';
import { waitUntil } from '../../support/wait-until.ts';

const node = '/usr/lib/iam-tokend/node';
const socketApp = (path: string): string =>
  `require('node:http').get({ socketPath: '${path}', path: '/v1/token' }, (answer) => answer.setEncoding('utf8').on('data', (text) => console.log(text)))`;

describe('19.2: pods of scripts/kubernetes', function () {
  this.timeout(240_000);
  const lab = useLoadedLab();
  let volumes: Record<string, string>;
  let oidc: KubeletVolume;

  afterEach(async () => {
    await lab().run('podman rm --all --force --time 0');
    for (const name of ['sockets', 'state']) await lab().run(`umount ${volumes[name]}`);
    rmSync(join(lab().folder, 'volumes'), { recursive: true });
  });

  /** The volumes of a pod, as the kubelet makes them: emptyDir in memory, ConfigMap, projected token. */
  async function layVolumes(
    data: Readonly<Record<string, string>>,
    inMemory: readonly string[],
  ): Promise<void> {
    const folderOf = (name: string): string => join(lab().folder, 'volumes', name);
    volumes = Object.fromEntries(
      ['sockets', 'state', 'config', 'oidc'].map((name) => [name, folderOf(name)]),
    );
    for (const folder of Object.values(volumes)) mkdirSync(folder, { recursive: true });
    for (const name of inMemory) await lab().succeed(`mount -t tmpfs tmpfs ${volumes[name]}`);
    new KubeletVolume(folderOf('config'), 0).write({ 'config.yaml': data['config.yaml'] ?? '' }, 0o644);
    oidc = new KubeletVolume(folderOf('oidc'), daemonUid);
    oidc.write({ token: createIssuerToken(0) });
  }
  const replaced = { SERVICE_ACCOUNT_ID: serviceAccountId };
  const isReady = async (): Promise<boolean> => (await lab().probe(9_464, '/readyz')) === 200;
  const inDaemon = (command: string) => lab().run(`podman exec iam-tokend ${command}`);
  const waitForReady = (): Promise<void> => waitUntil(isReady, '/readyz answers 200', 60_000);

  it('a sidecar gives the app tokens at both addresses, over a rotation of the projected token and a restart', async () => {
    const pod = new PodManifest('sidecar', replaced);
    await layVolumes(pod.data, ['sockets', 'state']);
    const runApp = (program: string): Promise<string> =>
      lab().succeed(pod.podmanRun('app', volumes, '--rm', program));
    const byMetadata = `--entrypoint ${node} iam-tokend -e "${metadataApp}"`;
    const bySocket = '--entrypoint iam-token iam-tokend';
    await lab().succeed(pod.podmanRun('iam-tokend', volumes, '--detach --name iam-tokend'));
    await waitForReady();
    const first = await runApp(bySocket);
    assert.match(first, /^t1\./);
    assert.equal(await runApp(byMetadata), first);

    trustIssuer(lab().emulator, 1);
    oidc.write({ token: createIssuerToken(1) });
    distrustIssuer(lab().emulator, 0);
    const { code, stderr } = await inDaemon('iam-token refresh');
    assert.equal(code, 0, stderr);
    const second = await runApp(byMetadata);
    assert.notEqual(second, first);
    assert.equal(await runApp(bySocket), second);

    await lab().succeed('podman kill iam-tokend; podman wait iam-tokend; podman start iam-tokend');
    await waitForReady();
    assert.match(await runApp(bySocket), /^t1\./);
    trustIssuer(lab().emulator, 0);
    distrustIssuer(lab().emulator, 1);
  });

  it('a sidecar is alive and not ready with an expired projected token, and ready with the next one', async () => {
    const pod = new PodManifest('sidecar', replaced);
    await layVolumes(pod.data, ['sockets', 'state']);
    oidc.write({ token: createIssuerToken(0, -60) });
    await lab().succeed(pod.podmanRun('iam-tokend', volumes, '--detach --name iam-tokend'));
    await waitUntil(
      async () => (await lab().run('podman logs iam-tokend')).stderr.includes('expired'),
      'the log names the expiry',
      60_000,
    );
    assert.deepEqual([await lab().probe(9_464, '/healthz'), await lab().probe(9_464, '/readyz')], [200, 503]);
    oidc.write({ token: createIssuerToken(0) });
    await waitForReady();
  });

  it('a sidecar refuses a volume that is not in memory, where other users could replace its files', async () => {
    const pod = new PodManifest('sidecar', replaced);
    await layVolumes(pod.data, ['state']);
    chmodSync(volumes['sockets'] ?? '', 0o777);
    const { code, stderr } = await lab().run(pod.podmanRun('iam-tokend', volumes, '--rm'));
    assert.notEqual(code, 0);
    assert.match(
      stderr,
      /other users can replace .*: \/run\/iam-tokend is writable by other users \(mode 0777\)/,
    );
  });

  it('a DaemonSet serves a pod of its node that mounts the folder of http.sock', async () => {
    const pod = new PodManifest('node', replaced);
    await layVolumes(pod.data, ['state']);
    await lab().succeed(pod.podmanRun('folder', volumes, '--rm'));
    await lab().succeed(pod.podmanRun('iam-tokend', volumes, '--detach --name iam-tokend'));
    await waitForReady();
    const mount = `--volume ${volumes['sockets']}/ipc/http:/run/iam-tokend:ro`;
    const app = (uid: number): string =>
      `podman run --rm --user ${uid} ${mount} --entrypoint ${node} iam-tokend -e "${socketApp('/run/iam-tokend/http.sock')}"`;
    assert.match(await lab().succeed(app(daemonUid)), /"t1\./);
    assert.notEqual((await lab().run(app(20_000))).code, 0);
    await lab().succeed('podman restart --time 5 iam-tokend');
    await waitForReady();
    assert.match(await lab().succeed(app(daemonUid)), /"t1\./);
  });
});
