// Runs the compiled tests with mocha, and prints a line for each file, then each failure in full.
//   node scripts/run-tests.mjs [--all] [--counts FILE] [--expected-skips FILE] [TEST_FILE…]
// --all: with the slow tests of test/all.
// --counts: where to write how many passed, failed and were skipped, as three numbers.
// A skipped test counts as failed unless it stands in test/expected-skips; one that stands there may as well run.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import Mocha from 'mocha';

const root = fileURLToPath(new URL('..', import.meta.url));
const { values: options, positionals } = parseArgs({
  options: {
    all: { type: 'boolean', default: false },
    counts: { type: 'string' },
    'expected-skips': { type: 'string', default: `${root}test/expected-skips` },
  },
  allowPositionals: true,
});
/** How long the process may live on after its last test; what is left then is a leak, and a failure. */
const windDownMs = 5_000;

/** Titles of the tests that may be skipped; each row has a reason. */
function readExpectedSkips(path) {
  const rows = readFileSync(path, 'utf8')
    .split('\n')
    .filter((row) => row !== '' && !row.startsWith('#'));
  const unreasoned = rows.find((row) => !/^[^\t]+\t[^\t]+$/.test(row));
  if (unreasoned !== undefined) throw new Error(`${path}: not a title, a tab and a reason: ${unreasoned}`);
  return new Set(rows.map((row) => row.split('\t')[0]));
}

function allTestFiles() {
  return readdirSync(`${root}dist/test`, { recursive: true })
    .filter((name) => name.endsWith('.test.js') && (options.all || !name.startsWith('all/')))
    .toSorted()
    .map((name) => `${root}dist/test/${name}`);
}

function say(line) {
  process.stdout.write(`${line}\n`);
}

/** Sets the exit status as well: no test at all is no success. */
function conclude({ passed, failed, skipped }) {
  process.exitCode = failed === 0 && passed > 0 ? 0 : 1;
  if (options.counts !== undefined) writeFileSync(options.counts, `${passed} ${failed} ${skipped}\n`);
}

/** A line for each file; a test has one outcome, also where it called back twice. */
class Report extends Mocha.reporters.Base {
  #outcomes = new Map();
  #unexpectedSkips = [];
  #file = null;
  #begunMs = Date.now();

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
    say(`${name}: ${passed} passed${rest} (${((Date.now() - this.#begunMs) / 1000).toFixed(1)} s)`);
    this.#begunMs = Date.now();
  }

  /** Mocha calls this after the last test. */
  done(_failures, finished) {
    if (this.failures.length > 0) Mocha.reporters.Base.list(this.failures);
    for (const title of this.#unexpectedSkips) say(`Skipped, and not in test/expected-skips: ${title}`);
    const counts = this.#count(() => true);
    conclude(counts);
    setTimeout(() => {
      say(
        `Still at work ${windDownMs / 1000} s after the last test: ${process.getActiveResourcesInfo().join(', ')}`,
      );
      conclude({ ...counts, failed: counts.failed + 1 });
      process.exit();
    }, windDownMs).unref();
    finished();
  }
}

// Whatever goes wrong before the tests end is a failure.
conclude({ passed: 0, failed: 1, skipped: 0 });
process.setSourceMapsEnabled(true);
const { timeout, 'forbid-only': forbidOnly } = JSON.parse(readFileSync(`${root}.mocharc.json`, 'utf8'));
const mocha = new Mocha({
  timeout,
  forbidOnly,
  reporter: Report,
  reporterOption: { expectedSkips: readExpectedSkips(options['expected-skips']) },
});
mocha.files = positionals.length > 0 ? positionals.map((file) => resolve(file)) : allTestFiles();
await mocha.loadFilesAsync();
mocha.run();
