import assert from 'node:assert/strict';
import { allCommands } from '../../src/cli/command-table.ts';
import { optionsOf } from '../../src/cli/parsing/command-options.ts';
import { parseCommandLine } from '../../src/cli/parsing/parse-command-line.ts';

describe('the command table', () => {
  it('lists an option of a command once', () => {
    for (const command of allCommands) {
      const names = optionsOf(command).map((option) => option.name);
      assert.deepEqual(names, [...new Set(names)], command.name);
    }
  });

  it('gives an option a value in all commands, or in none', () => {
    const options = allCommands.flatMap(optionsOf);
    for (const { name, value } of options) {
      const sameNameOptions = options.filter((other) => other.name === name);
      assert.ok(
        sameNameOptions.every((other) => (other.value.kind === 'flag') === (value.kind === 'flag')),
        name,
      );
    }
  });

  it('gives every command --socket, --timeout and --help', () => {
    for (const command of allCommands) {
      const names = new Set(optionsOf(command).map((option) => option.name));
      for (const option of ['socket', 'timeout', 'help'])
        assert.ok(names.has(option), `${command.name} ${option}`);
    }
  });

  it('has examples that parse as the command that they show', () => {
    for (const command of allCommands) {
      assert.ok(command.examples.length > 0, command.name);
      for (const example of command.examples) {
        const line = /(?<![\w-]=)\biam-token\b([^|)<>']*)/.exec(example)?.[1];
        // kubectl is given the command in pieces.
        if (line === undefined || example.startsWith('kubectl')) continue;
        assert.equal(parseCommandLine(line.split(' ').filter(Boolean)).command, command, example);
      }
    }
  });
});
