import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { root } from '../../conventions/source-tree.ts';
import { respondWith, type Script, ScriptedDaemon } from '../../support/daemon/scripted-daemon.ts';
import { createStatusResult } from '../../support/daemon/scripted-results.ts';
import {
  answerCases,
  type HandledBy,
  respondWithToken,
  tokenFrame,
  tokenResult,
} from '../../support/native/answer-cases.ts';
import { callCases } from '../../support/native/call-cases.ts';
import {
  type ClientCommand,
  copyAlone,
  findArm64Client,
  hasNativeClient,
  nativeClientPath,
  noClientMessage,
  runClient,
  javaScriptClient,
} from '../../support/native/native-clients.ts';
import type { ProcessResult } from '../../support/processes/process-result.ts';

/** What a case needs besides its arguments. */
interface Call {
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: string | undefined;
  readonly cwd?: string;
  /** A command that starts the client, whose command line follows. */
  readonly launcher?: ClientCommand;
}

/** The same call, of the native client of this machine and of an emulated one, and of the JavaScript client. */
describe('the native client and the JavaScript client', () => {
  const folder = mkdtempSync(join(tmpdir(), 'iam-tokend-contract-'));
  let daemon: ScriptedDaemon;

  before(async () => {
    daemon = await ScriptedDaemon.start(respondWithToken);
  });
  after(async () => {
    await daemon.close();
    rmSync(folder, { recursive: true });
  });

  const baseEnv = (): Record<string, string> => ({
    PATH: process.env['PATH'] ?? '',
    TZ: 'UTC',
    IAM_TOKEND_SOCKET: daemon.socketPath,
  });

  /** Runs the call with one client, and lists what the daemon received. */
  async function run(client: ClientCommand, call: Call): Promise<ProcessResult & { requests: unknown }> {
    const { args = [], env, stdin, cwd, launcher = [] } = call;
    const [program, ...words] = [...launcher, ...client];
    daemon.requests.length = 0;
    const options = { env: { ...baseEnv(), ...env }, stdin, ...(cwd === undefined ? {} : { cwd }) };
    const result = await runClient([program ?? '', ...words], args, options);
    return { ...result, requests: [...daemon.requests] };
  }

  let testTitle = '';
  beforeEach(function () {
    testTitle = this.currentTest?.title ?? '';
  });
  const expectedResults = new Map<string, Awaited<ReturnType<typeof run>>>();
  /** That of the JavaScript client, which is the same for every native client. */
  async function runJavaScriptClient(call: Call): ReturnType<typeof run> {
    const key = testTitle + JSON.stringify(call);
    const result = expectedResults.get(key) ?? (await run(javaScriptClient, call));
    expectedResults.set(key, result);
    return result;
  }

  function describeContract(name: string, client: ClientCommand, alone: ClientCommand): void {
    /** Both clients must agree; a copy without the JavaScript client shows whether the native one needs it. */
    async function check(handledBy: HandledBy, call: Call): Promise<void> {
      const expected = await runJavaScriptClient(call);
      const aloneResult = await run(alone, call);
      if (handledBy === 'native') return assert.deepEqual(aloneResult, expected);
      if (call.launcher === undefined)
        assert.deepEqual([aloneResult.code, aloneResult.stderr], [1, noClientMessage]);
      const { requests: _own, ...actual } = await run(client, call);
      const { requests: _other, ...rest } = expected;
      assert.deepEqual(actual, rest);
    }

    const withScript = (script: Script, check: () => Promise<void>) => async (): Promise<void> => {
      daemon.setScript(script);
      await check();
    };

    describe(`${name}, by command line`, () => {
      const script = respondWith({ token: tokenResult, ...createStatusResult({ timeLeftMs: 4_000_000 }) });
      for (const { title, handledBy, ...call } of callCases)
        it(
          `${title || '(empty)'}: ${handledBy}`,
          withScript(script, () => check(handledBy, call)),
        );
    });

    describe(`${name}, by answer`, () => {
      for (const { title, handledBy, script, args = [] } of answerCases)
        it(
          `${title}: ${handledBy}`,
          withScript(script, () => check(handledBy, { args })),
        );

      it('a frame in two pieces, cut at each byte: native', async () => {
        daemon.setScript(respondWithToken);
        const expected = await run(javaScriptClient, { args: ['--format=json'] });
        for (let cut = 1; cut < tokenFrame.length; cut += 1) {
          daemon.setScript((_request, { writeRaw }) => {
            writeRaw(tokenFrame.slice(0, cut));
            setImmediate(() => writeRaw(tokenFrame.slice(cut)));
          });
          assert.deepEqual(await run(alone, { args: ['--format=json'] }), expected, `cut at ${cut}`);
        }
      });

      it('a frame cut off at each byte: handed over', async () => {
        for (let cut = 0; cut < tokenFrame.length; cut += 1) {
          daemon.setScript((_request, { writeRaw, end }) => {
            writeRaw(tokenFrame.slice(0, cut));
            end();
          });
          const { code, stdout, stderr } = await run(alone, {});
          assert.deepEqual({ code, stdout, stderr }, { code: 1, stdout: '', stderr: noClientMessage });
        }
      });

      it('a slow answer: handed over', async () => {
        daemon.setScript((request, { respond }) => void setTimeout(() => respond(request, tokenResult), 600));
        await check('handed over', { args: ['--format=json'] });
      });
    });

    describe(`${name}, by socket`, () => {
      beforeEach(() => daemon.setScript(respondWithToken));

      const folderWithSocket = (mode: number, ...names: readonly string[]): string => {
        const path = mkdtempSync(join(folder, 's'));
        mkdirSync(join(path, ...names), { recursive: true });
        symlinkSync(daemon.socketPath, join(path, ...names, 'ipc.sock'));
        chmodSync(join(path, ...names), mode);
        return path;
      };
      const explicit = (path: string): Call => ({ args: ['--socket', path] });

      it('named by the option, over the environment: native', () =>
        check('native', {
          args: ['--socket', daemon.socketPath],
          env: { IAM_TOKEND_SOCKET: 'x'.repeat(50) },
        }));

      it('in a folder that is a link: handed over', async () => {
        const link = join(mkdtempSync(join(folder, 'l')), 'link');
        symlinkSync(dirname(daemon.socketPath), link);
        await check('handed over', explicit(join(link, 'ipc.sock')));
      });

      it('below a folder that is a link: native', async () => {
        const parent = mkdtempSync(join(folder, 'p'));
        symlinkSync(tmpdir(), join(parent, 'l'));
        await check('native', explicit(daemon.socketPath.replace(tmpdir(), join(parent, 'l'))));
      });

      it('that is a link: handed over', () =>
        check('handed over', explicit(join(folderWithSocket(0o700), 'ipc.sock'))));

      for (const [mode, handledBy] of [
        [0o700, 'native'],
        [0o755, 'native'],
        [0o711, 'native'],
        [0o775, 'handed over'],
        [0o777, 'handed over'],
      ] as const)
        it(`in a folder of mode ${mode.toString(8)}: ${handledBy}`, async () => {
          chmodSync(dirname(daemon.socketPath), mode);
          await check(handledBy, {});
          chmodSync(dirname(daemon.socketPath), 0o700);
        });

      it('in a folder that is missing: handed over', () =>
        check('handed over', explicit('/nowhere/ipc.sock')));

      it('in a folder that is a file: handed over', () =>
        check('handed over', explicit('/etc/passwd/ipc.sock')));

      it('where nothing listens: handed over', () =>
        check('handed over', explicit(join(mkdtempSync(join(folder, 'e')), 'ipc.sock'))));

      for (const bytes of [103, 104, 108, 4_000])
        it(`with a path of ${bytes} bytes: handed over`, () =>
          check('handed over', explicit(`/tmp/${'x'.repeat(bytes - 7)}/s`)));

      for (const path of ['ipc.sock', './ipc.sock', '../ipc.sock'])
        it(`by the relative path ${path}: handed over`, () =>
          check('handed over', { ...explicit(path), cwd: dirname(daemon.socketPath) }));

      for (const change of ['//ipc.sock', '/./ipc.sock', '/../ipc.sock', '/ipc.sock/'])
        it(`with ${change} in its path: handed over`, () =>
          check('handed over', explicit(dirname(daemon.socketPath) + change)));

      it('in XDG_RUNTIME_DIR: native', async () => {
        const runtimeFolder = mkdtempSync(join(folder, 'r'));
        mkdirSync(join(runtimeFolder, 'iam-tokend'), { mode: 0o700 });
        const other = await ScriptedDaemon.start(
          respondWithToken,
          join(runtimeFolder, 'iam-tokend/ipc.sock'),
        );
        try {
          await check('native', { env: { IAM_TOKEND_SOCKET: '', XDG_RUNTIME_DIR: runtimeFolder } });
          chmodSync(join(runtimeFolder, 'iam-tokend'), 0o750);
          testTitle += ' (open to a group)';
          await check('handed over', { env: { IAM_TOKEND_SOCKET: '', XDG_RUNTIME_DIR: runtimeFolder } });
        } finally {
          await other.close();
        }
      });

      for (const [title, env] of [
        ['without HOME and XDG_RUNTIME_DIR', {}],
        ['with a relative XDG_RUNTIME_DIR', { XDG_RUNTIME_DIR: 'run' }],
        ['with a foreign XDG_RUNTIME_DIR', { XDG_RUNTIME_DIR: '/nowhere', HOME: '/nowhere' }],
      ] as const)
        it(`by default, ${title}: handed over`, () =>
          check('handed over', { env: { IAM_TOKEND_SOCKET: '', ...env } }));
    });

    describe(`${name}, by its streams`, () => {
      beforeEach(() => daemon.setScript(respondWithToken));
      const shell = (script: string): ClientCommand => ['/bin/sh', '-c', script, 'sh'];
      const fifo = `'${folder}/fifo'`;
      const withoutReader = `rm -f ${fifo}; mkfifo ${fifo}; true <${fifo} & exec 3>${fifo}; wait; "$@" >&3 3>&-; echo "exit code $?" >&2`;

      for (const [title, script] of [
        ['without stdin', 'exec "$@" <&-'],
        ['without stdout', 'exec "$@" >&-'],
        ['without stderr', 'exec "$@" 2>&-'],
        ['without any', 'exec "$@" <&- >&- 2>&-'],
        ['with a full disk', 'exec "$@" >/dev/full'],
        ['with a reader that has left', withoutReader],
        ['with SIGPIPE ignored', `trap "" PIPE; ${withoutReader}`],
        ['with a file as stdout', `"$@" >'${folder}/out' && cat '${folder}/out'`],
      ] as const)
        for (const args of [[], ['nope']])
          it(`${title}: iam-token ${args.join('')}`, () =>
            check('handed over', { launcher: shell(script), args }));

      it('to a file that becomes too large within the token: native', async () => {
        const file = `'${folder}/limited'`;
        const script = `printf %0500d 0 >${file}; (ulimit -f 1; exec "$@") >>${file}; echo "exit code $?"; cat ${file}`;
        await check('native', { launcher: shell(script) });
      });

      for (const input of [
        'printf cr.yandex',
        'printf cr.; sleep 0.5; printf yandex',
        'head -c 200000 /dev/zero',
      ])
        it(`docker-credential get after ${input}`, () =>
          check('handed over', {
            launcher: shell(`{ ${input}; } | "$@"; echo "exit code $?"`),
            args: ['docker-credential', 'get'],
          }));
    });
  }

  if (hasNativeClient)
    describeContract('of this machine', [nativeClientPath()], [copyAlone(nativeClientPath(), folder)]);
  else
    it('of this machine', function () {
      this.skip();
    });

  const arm64Client = findArm64Client(join(folder, 'arm64'));
  if (arm64Client === null) {
    it('of Linux on arm64', function () {
      this.skip();
    });
  } else {
    const [emulator = '', ...options] = arm64Client.emulator;
    // As beside the client that is shipped.
    if (!arm64Client.path.startsWith(root))
      symlinkSync(join(root, 'dist/bin'), join(folder, 'arm64/dist/bin'));
    const alone = copyAlone(arm64Client.path, join(folder, 'arm64-alone'));
    describeContract(
      'of Linux on arm64',
      [emulator, ...options, arm64Client.path],
      [emulator, ...options, alone],
    );
  }
});
