import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { root } from '../../conventions/source-tree.ts';
import { type Emulator, startEmulator } from '../../emulator/emulator.ts';
import { createFederation } from '../iam/source-fixtures.ts';
import { type ProcessResult, waitForExit } from '../processes/process-result.ts';
import { createRealClock } from '../time/real-clock.ts';
import { waitUntil } from '../wait-until.ts';

/** Of the image. */
export const daemonUid = 10_001;
export const serviceAccountId = 'ajecontainer00000000';
const emulatorPort = 8_080;
/** Of the pod, as the kubelet sees it: a service at 127.0.0.1 does not answer there. */
const podAddress = '192.0.2.10';

/**
 * podman needs cgroup 2 alone. The network namespace, as of a pod, has a loopback interface only, and the emulator at a port
 * of it.
 */
const holderScript = `
umount --recursive --lazy /sys/fs/cgroup
mount -t cgroup2 cgroup2 /sys/fs/cgroup
mount --make-rshared /
ip link set lo up
ip address add ${podAddress}/32 dev lo
exec socat TCP-LISTEN:${emulatorPort},bind=127.0.0.1,fork,reuseaddr UNIX-CONNECT:"$0"`;

/** `podman run` in the network namespace, without what the kernel refuses to a nested engine. */
const podmanScript = (folder: string, holderPid: number): string => `#!/bin/bash
storage=(--root ${folder}/storage --runroot ${folder}/runroot --cgroup-manager cgroupfs)
if [ "$1" != run ]; then exec /usr/bin/podman "\${storage[@]}" "$@"; fi
shift
network=(--network ns:/proc/${holderPid}/ns/net)
case "$*" in *"--network "*) network=() ;; esac
exec /usr/bin/podman "\${storage[@]}" run --cgroups disabled --ulimit nofile=1024:4096 --ulimit nproc=4096:4096 \\
  --env IAM_TOKEND_IAM_ENDPOINT=http://127.0.0.1:${emulatorPort} "\${network[@]}" "$@"
`;

/** podman with a storage of its own, an emulated IAM service, and the network namespace of a pod. Requires root. */
export class ContainerLab {
  readonly folder: string;
  readonly emulator: Emulator;
  readonly #holder: ChildProcess;
  readonly #bridge: Server;
  readonly #holderPid: number;

  private constructor(folder: string, emulator: Emulator, holder: ChildProcess, bridge: Server) {
    this.folder = folder;
    this.emulator = emulator;
    this.#holder = holder;
    this.#bridge = bridge;
    this.#holderPid = holder.pid ?? 0;
  }

  static async start(): Promise<ContainerLab> {
    const folder = mkdtempSync(join(tmpdir(), 'iam-tokend-containers-'));
    chmodSync(folder, 0o755);
    const emulator = await startEmulator({ clock: createRealClock() });
    emulator.addFederation(createFederation(serviceAccountId));
    const bridge = createServer((socket) => {
      const upstream = connect(Number(new URL(emulator.url).port), '127.0.0.1');
      socket.pipe(upstream).pipe(socket);
      for (const each of [socket, upstream]) each.on('error', () => upstream.destroy());
    });
    const socketPath = join(folder, 'emulator.sock');
    bridge.listen(socketPath);
    await once(bridge, 'listening');
    const namespaces = ['--mount', '--net', '--propagation', 'private'];
    const holder = spawn('unshare', [...namespaces, 'bash', '-e', '-c', holderScript, socketPath], {
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    const lab = new ContainerLab(folder, emulator, holder, bridge);
    mkdirSync(join(folder, 'bin'));
    const podmanPath = join(folder, 'bin/podman');
    writeFileSync(podmanPath, podmanScript(folder, lab.#holderPid), { mode: 0o755 });
    await waitUntil(() => lab.#isEmulatorReachable(), 'the emulator is in the network namespace', 60_000);
    return lab;
  }

  #isEmulatorReachable(): boolean {
    const port = emulatorPort.toString(16).toUpperCase();
    if (this.#holder.exitCode !== null) throw new Error('the namespaces cannot be created');
    return readFileSync(`/proc/${this.#holderPid}/net/tcp`, 'latin1').includes(`:${port} 00000000:0000 0A`);
  }

  /** Builds the image, or takes the OCI archive that IAM_TOKEND_IMAGE names. @returns the archive */
  async loadImage(): Promise<string> {
    const archive = process.env['IAM_TOKEND_IMAGE'] ?? (await this.buildImage('image.tar'));
    await this.succeed(`podman tag "$(podman pull --quiet oci-archive:${archive})" iam-tokend`);
    return archive;
  }

  /**
   * @param buildArgs of scripts/image/build
   * @returns the path of the archive
   */
  async buildImage(
    name: string,
    buildArgs: readonly string[] = ['--base-cache', join(root, 'dist/image-base')],
  ): Promise<string> {
    const output = join(this.folder, name);
    const args = [...buildArgs, '--output', output];
    const { code, stderr } = await waitForExit(
      spawn(join(root, 'scripts/image/build'), args, { stdio: ['ignore', 'pipe', 'pipe'] }),
    );
    if (code !== 0) throw new Error(stderr);
    return output;
  }

  /** Runs shell commands where `podman` is that of the lab. */
  run(commands: string, env: Readonly<Record<string, string>> = {}): Promise<ProcessResult> {
    const PATH = `${this.folder}/bin:${process.env['PATH']}`;
    const args = [
      `--mount=/proc/${this.#holderPid}/ns/mnt`,
      'bash',
      '-e',
      '-o',
      'pipefail',
      '-c',
      `cd ${this.folder}; ${commands}`,
    ];
    const options = { env: { HOME: this.folder, ...env, PATH } };
    return waitForExit(spawn('nsenter', args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] }));
  }

  /** @returns stdout, trimmed @throws Error with stderr if the commands fail */
  async succeed(commands: string, env: Readonly<Record<string, string>> = {}): Promise<string> {
    const { code, stdout, stderr } = await this.run(commands, env);
    if (code !== 0) throw new Error(`${commands}\nexit code ${code}: ${stderr}${stdout}`);
    return stdout.trim();
  }

  /** The status of a probe, as the kubelet sends it to the address of the pod; 0 without an answer. */
  async probe(port: number, path: string): Promise<number> {
    const curl = `curl --silent --max-time 5 --output /dev/null --write-out '%{http_code}'`;
    const { stdout } = await this.run(
      `nsenter --net=/proc/${this.#holderPid}/ns/net ${curl} http://${podAddress}:${port}${path}`,
    );
    return Number(stdout);
  }

  async stop(): Promise<void> {
    await this.run('podman rm --all --force --time 0; podman rmi --all --force; podman volume prune --force');
    const ended = once(this.#holder, 'exit');
    this.#holder.kill('SIGKILL');
    await ended;
    this.#bridge.close();
    await this.emulator.close();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
