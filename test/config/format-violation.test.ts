import assert from 'node:assert/strict';
import { createConfigSchema } from '../../src/config/config.ts';
import { redactViolations } from '../../src/config/format-violation.ts';
import { parseConfigFile } from '../../src/config/parse-config-file.ts';
import { findScheduleViolation } from '../../src/adapters/cron-schedule.ts';

const schema = createConfigSchema((pattern) => findScheduleViolation(pattern, 0), 'linux', {
  certificates: [],
  violations: ['cannot be read: no such file or folder'],
});

describe('redacted violations of a configuration', () => {
  for (const yaml of [
    'log: { level: cAnArY passphrase }',
    'log: { level: "cAnArY \\" cAnArY" }',
    'log: { level: 728190728190 }',
    'log: { level: "cAnArY: cAnArY" }',
    'refresh: { schedule: "* * * cAnArY *" }',
    'refresh: { schedule: cAnArY }',
    'iam: { endpoint: cAnArY, timeout: cAnArY }',
    'iam: cAnArY',
    'network: { caFile: /cAnArY.pem }',
    'network: { caFile: cAnArY }',
    'file: cAnArY',
    'log: *cAnArY',
    'log: !cAnArY x',
    'log: |cAnArY',
    'log: }cAnArY',
    'log: "\\ucAnArY"',
    'cAnArY-2: x',
    'log: { cAnArY 2: x }',
    'cAnArY',
  ]) {
    it(`D7: do not contain the value of ${JSON.stringify(yaml)}`, async () => {
      const { violations } = await parseConfigFile(yaml, schema);
      assert.notDeepEqual(violations, []);
      for (const violation of violations)
        assert.doesNotMatch(
          redactViolations(`iam-tokend: error: /c/config.yaml:${violation}`),
          /cAnArY|7281/,
        );
    });
  }

  it('D7: keep the name and the rule', () => {
    assert.equal(
      redactViolations('/c/config.yaml:3: log.level: "loud" must be one of error, warn, info, debug'),
      '/c/config.yaml:3: log.level: [redacted] must be one of error, warn, info, debug',
    );
    const misspelt = '/c/config.yaml:3: refresh.spred: unknown key';
    assert.equal(redactViolations(misspelt), misspelt);
  });
});
