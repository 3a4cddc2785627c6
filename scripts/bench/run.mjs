// Measures the speed and the size of client and daemon beside other programs: npm run bench -- [--quick] [--write] [SUBJECT…]
//   SUBJECT  clients, throughput, start, memory, growth, wakeups; default: all, which takes ten minutes
//   --quick  fewer runs, to try the benchmark itself
//   --write  also writes each table into USAGE.md, and the picture of the clients to scripts/bench/clients.svg
//
// Each ratio is of one run, so that it holds on any machine. Needs a build, a C compiler, and git, openssh-client, curl,
// oidc-agent-cli and gnome-keyring. Exits with 1 if a limit is exceeded.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import process, { argv, chdir, env, stdout, version } from 'node:process';
import { fileURLToPath } from 'node:url';
import { oauthToken, startTestEnvironment } from '../../dist/test/support/test-environment.js';
import { drawBars, formatTable, isWithinBound } from './report.mjs';

chdir(fileURLToPath(new URL('../..', import.meta.url)));
// Node reads this file at each start, which would hide the difference between the measured programs.
delete env['NODE_EXTRA_CA_CERTS'];

const subjects = ['clients', 'throughput', 'start', 'memory', 'growth', 'wakeups'];
const options = argv.slice(2).filter((argument) => argument.startsWith('--'));
const names = argv.slice(2).filter((argument) => !argument.startsWith('--'));
const unknown = [
  ...options.filter((option) => !['--quick', '--write'].includes(option)),
  ...names.filter((name) => !subjects.includes(name)),
];
if (unknown.length > 0) {
  process.stderr.write(`bench: error: unexpected argument "${unknown[0]}"\n`);
  process.exit(2);
}

const isWriting = options.includes('--write');
const machine = `${cpus().length} × ${cpus()[0]?.model.trim()}, Node ${version}`;
stdout.write(`${machine}\n`);
for (const subject of subjects.filter((name) => names.length === 0 || names.includes(name))) {
  const { title, measure } = await import(`./subjects/${subject}.mjs`);
  const folder = mkdtempSync(join(tmpdir(), 'iam-bench-'));
  try {
    const results = await measure({ folder, startDaemon, isQuick: options.includes('--quick') });
    const table = formatTable(title, results);
    stdout.write(`\n${table}\n`);
    if (isWriting) writeTable(subject, table);
    if (!results.every(isWithinBound)) process.exitCode = 1;
    if (subject === 'clients' && isWriting)
      writeFileSync('scripts/bench/clients.svg', drawBars('One call, whole process', results, machine));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
/** A daemon with a store in memory, the default configuration and one profile. */
async function startDaemon(testOptions = {}) {
  const defaults = { store: 'memory', logLevel: 'info', config: null };
  const testEnv = await startTestEnvironment({ ...defaults, ...testOptions });
  const pid = await testEnv.startDaemon();
  const { code, stderr } = await testEnv.iamToken(['login', '--stdin'], oauthToken);
  if (code !== 0) throw new Error(stderr);
  return { ...testEnv, pid };
}

/** Each subject has its place in the document. */
function writeTable(subject, table) {
  const text = readFileSync('USAGE.md', 'utf8');
  const [start, end] = [`<!-- bench ${subject} -->`, `<!-- /bench ${subject} -->`];
  const parts = [text.split(start)[0], text.split(end)[1]];
  writeFileSync('USAGE.md', parts.join(`${start}\n\n${machine}:\n\n${table}\n\n${end}`));
}
