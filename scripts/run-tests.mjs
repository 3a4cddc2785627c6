// Runs the compiled tests with mocha. Prints one line for each file, then all failures.
//   node scripts/run-tests.mjs [--group GROUP] [--outcome FILE] [--expected-skips FILE] [TEST_FILE…]
// --group: a row of the table below; default: required.
// --outcome: writes the numbers of passed, failed and skipped tests to the first line of FILE, and the failures below instead of printing them.
// --expected-skips: the tests that may be skipped; default: test/expected-skips. Any other skipped test counts as failed.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { format, parseArgs } from 'node:util';
import Mocha from 'mocha';

const root = fileURLToPath(new URL('..', import.meta.url));
const { values: options, positionals } = parseArgs({
  options: {
    group: { type: 'string', default: 'required' },
    outcome: { type: 'string' },
    'expected-skips': { type: 'string', default: `${root}test/expected-skips` },
  },
  allowPositionals: true,
});
/** A process that still runs this long after its last test has a leak, which counts as a failure. */
const exitTimeoutMs = 5_000;

/** Titles of the tests that may be skipped; each row has a reason. */
function readExpectedSkips(path) {
  const rows = readFileSync(path, 'utf8')
    .split('\n')
    .filter((row) => row !== '' && !row.startsWith('#'));
  const invalidRow = rows.find((row) => !/^[^\t]+\t[^\t]+$/.test(row));
  if (invalidRow !== undefined)
    throw new Error(`${path}: must be a title, a tab and a reason: ${invalidRow}`);
  return new Set(rows.map((row) => row.split('\t')[0]));
}

/** What another release of Node hardly changes; test/e2e runs the programs of cli/ and scripts/ too. */
const unrepeated = [
  'cli/',
  'conventions/',
  'daemon/',
  'e2e/lifecycle/',
  'e2e/releases/',
  'e2e/stores/',
  'scripts/',
  'simulation/',
  'stores/keychain/',
  'token/',
];

/** Which compiled tests belong to a group, by name. */
const groups = {
  required: (name) => !name.startsWith('slow/'),
  /** Those that compare speed: they run alone. */
  load: (name) => name.startsWith('slow/load/'),
  slow: (name) => name.startsWith('slow/') && !name.startsWith('slow/load/'),
  /** The required tests that are repeated with other releases of Node. */
  repeated: (name) => !name.startsWith('slow/') && !unrepeated.some((prefix) => name.startsWith(prefix)),
};

function findTestFiles() {
  const isWanted = groups[options.group];
  if (isWanted === undefined) throw new Error(`no such group: ${options.group}`);
  return readdirSync(`${root}dist/test`, { recursive: true })
    .filter((name) => name.endsWith('.test.js') && isWanted(name))
    .toSorted()
    .map((name) => `${root}dist/test/${name}`);
}

function printLine(line) {
  process.stdout.write(`${line}\n`);
}

let failureReport = '';

/** Prints lines about failures, or keeps them for the outcome. */
function reportFailures(lines) {
  const text = lines.map((line) => `${line}\n`).join('');
  failureReport += text;
  if (options.outcome === undefined) process.stdout.write(text);
}

/** Sets the exit code, and writes the outcome. A run without tests fails. */
function setOutcome({ passed, failed, skipped }) {
  process.exitCode = failed === 0 && passed > 0 ? 0 : 1;
  if (options.outcome !== undefined)
    writeFileSync(options.outcome, `${passed} ${failed} ${skipped}\n${failureReport}`);
}

/** Prints a line for each file. A test that ends twice counts once, with its last outcome. */
class Report extends Mocha.reporters.Base {
  #outcomes = new Map();
  #unexpectedSkips = [];
  #file = null;
  #startedMs = Date.now();

  constructor(runner, { reporterOption }) {
    super(runner);
    runner.on('pass', (test) => this.#record(test, 'passed'));
    runner.on('fail', (testOrHook) => this.#record(testOrHook, 'failed'));
    runner.on('pending', (test) => {
      const expected = reporterOption.expectedSkips.has(test.fullTitle());
      if (!expected) this.#unexpectedSkips.push(test.fullTitle());
      this.#record(test, expected ? 'skipped' : 'failed');
    });
    runner.on('end', () => this.#closeFile());
  }

  #record(test, outcome) {
    const file = test.file ?? test.parent?.file ?? null;
    if (file !== this.#file) this.#closeFile();
    this.#file = file;
    this.#outcomes.set(test, { file, outcome });
  }

  #count(isWanted) {
    const counts = { passed: 0, failed: 0, skipped: 0 };
    for (const { file, outcome } of this.#outcomes.values()) if (isWanted(file)) counts[outcome] += 1;
    return counts;
  }

  #closeFile() {
    const { passed, failed, skipped } = this.#count((file) => file === this.#file);
    if (passed + failed + skipped === 0) return;
    const name = this.#file === null ? '(no file)' : relative(`${root}dist`, this.#file).replace(/\.js$/, '');
    const rest = `${failed === 0 ? '' : `, ${failed} FAILED`}${skipped === 0 ? '' : `, ${skipped} skipped`}`;
    printLine(`${name}: ${passed} passed${rest} (${((Date.now() - this.#startedMs) / 1000).toFixed(1)} s)`);
    this.#startedMs = Date.now();
  }

  #listFailures() {
    const lines = this.#unexpectedSkips.map(
      (title) => `Skipped, but not listed in test/expected-skips: ${title}`,
    );
    Mocha.reporters.Base.consoleLog = (...values) => lines.push(format(...values));
    if (this.failures.length > 0) Mocha.reporters.Base.list(this.failures);
    return lines;
  }

  /** Mocha calls this after the last test. */
  done(_failures, callback) {
    const counts = this.#count(() => true);
    reportFailures(this.#listFailures());
    setOutcome(counts);
    setTimeout(() => {
      const resources = process.getActiveResourcesInfo().join(', ');
      reportFailures([`Still running ${exitTimeoutMs / 1000} s after the last test: ${resources}`]);
      setOutcome({ ...counts, failed: counts.failed + 1 });
      process.exit();
    }, exitTimeoutMs).unref();
    callback();
  }
}

// Until the tests have ended, any exit is a failure.
setOutcome({ passed: 0, failed: 1, skipped: 0 });
process.setSourceMapsEnabled(true);
const { timeout, 'forbid-only': forbidOnly } = JSON.parse(readFileSync(`${root}.mocharc.json`, 'utf8'));
const mocha = new Mocha({
  timeout,
  forbidOnly,
  reporter: Report,
  reporterOption: { expectedSkips: readExpectedSkips(options['expected-skips']) },
});
mocha.files = positionals.length > 0 ? positionals.map((file) => resolve(file)) : findTestFiles();
await mocha.loadFilesAsync();
mocha.run();
