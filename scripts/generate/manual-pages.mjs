// Writes the manual pages iam-token(1) and iam-tokend(8) into dist/man, from the compiled command table.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** Escapes text for roff, and prints words in backticks in bold. */
function roff(text) {
  const escaped = text
    .replaceAll('\\', String.raw`\e`)
    .replaceAll('-', String.raw`\-`)
    .replaceAll("'", String.raw`\(aq`)
    .replaceAll('~', String.raw`\(ti`)
    .replaceAll('^', String.raw`\(ha`)
    .replaceAll(/\P{ASCII}/gu, (character) => {
      const hex = character.codePointAt(0).toString(16).toUpperCase();
      return String.raw`\[u${hex.padStart(4, '0')}]`;
    });
  const bold = escaped.replaceAll(/`([^`]*)`/g, String.raw`\fB$1\fR`);
  return bold.replaceAll(/^\./gm, String.raw`\&.`);
}

const item = (head, text) => ['.TP', String.raw`\fB${roff(head)}\fR`, roff(text)];
const section = (title, ...lines) => {
  const flat = lines.flat(Infinity);
  // mandoc warns about a paragraph macro after a heading.
  return [`.SH ${title}`, ...(flat[0] === '.PP' ? flat.slice(1) : flat)];
};
const paragraph = (...sentences) => ['.PP', ...sentences.map(roff)];
const example = (text) => ['.PP', '.nf', '.RS 4', ...roff(text).split('\n'), '.RE', '.fi'];

function page(name, number, title, release, sections) {
  // A package is built once per release. https://reproducible-builds.org/specs/source-date-epoch/
  const epoch = process.env.SOURCE_DATE_EPOCH;
  const day = new Date(epoch === undefined ? Date.now() : Number(epoch) * 1000).toISOString().slice(0, 10);
  const lines = [
    `.TH ${name.toUpperCase()} ${number} ${day} "iam\\-tokend ${release}"`,
    section('NAME', String.raw`${roff(name)} \- ${roff(title)}`),
    sections,
  ];
  return `${lines.flat(Infinity).join('\n')}\n`;
}

/** The config.yaml that USAGE.md documents. */
function readConfigExample() {
  const match = /^```yaml\n(store: keychain .*?)^```/ms.exec(readFileSync(`${root}USAGE.md`, 'utf8'));
  if (match === null) throw new Error('USAGE.md has no config.yaml that begins with `store: keychain`');
  return match[1].trimEnd();
}

async function loadTables() {
  const { allCommands, commandGroups, defaultCommand } = await import('../../dist/src/cli/command-table.js');
  const { formatUsage, optionsOf } = await import('../../dist/src/cli/parsing/command-options.js');
  const { formatOptionUsage } = await import('../../dist/src/cli/parsing/options.js');
  const { sentencesOf } = await import('../../dist/src/cli/parsing/format-text.js');
  const { daemonOptions } = await import('../../dist/src/cli/parsing/daemon-options.js');
  const { exitCodes } = await import('../../dist/src/cli/parsing/exit-codes.js');
  const { version } = await import('../../dist/src/shared/version.js');
  return {
    ...{ allCommands, commandGroups, defaultCommand, daemonOptions, exitCodes, version },
    ...{ formatUsage, formatOptionUsage, optionsOf, sentencesOf },
  };
}

function clientPage(tables) {
  const { commandGroups, defaultCommand, formatOptionUsage, formatUsage, optionsOf, sentencesOf, version } =
    tables;
  const optionItems = (options) =>
    options.map((option) => item(formatOptionUsage(option), sentencesOf(option.help)));
  const ownOptions = (command) => optionsOf(command).filter(({ name }) => name in (command.options ?? {}));
  const commonOptions = optionsOf(defaultCommand).filter(
    ({ name }) => !(name in defaultCommand.options) && name !== 'version',
  );
  const commandItem = (command) => [
    item(formatUsage(command), sentencesOf(command.summary, command.description)),
    ownOptions(command).length === 0 ? [] : ['.RS', optionItems(ownOptions(command)), '.RE'],
  ];
  return page('iam-token', 1, defaultCommand.summary, version, [
    section(
      'SYNOPSIS',
      '.B iam\\-token',
      '[\\fIOPTIONS\\fR]',
      '.br',
      '.B iam\\-token',
      '\\fICOMMAND\\fR [\\fIOPTIONS\\fR]',
    ),
    section(
      'DESCRIPTION',
      paragraph(
        '`iam-token` requests a token from the daemon `iam-tokend`, which keeps the credential and renews the token.',
        'Without a command it prints the token and a newline.',
        'Options may precede or follow the command.',
      ),
    ),
    section(
      'OPTIONS',
      optionItems(optionsOf(defaultCommand).filter((option) => !commonOptions.includes(option))),
    ),
    section(
      'COMMANDS',
      commandGroups.map(({ title, commands }) => [`.SS ${title}`, commands.map(commandItem)]),
    ),
    section('OPTIONS OF ALL COMMANDS', optionItems(commonOptions)),
    clientReference(tables),
  ]);
}

function clientReference({ allCommands, exitCodes, sentencesOf }) {
  return [
    section(
      'EXIT STATUS',
      Object.entries(exitCodes).map(([code, meaning]) => item(code, sentencesOf(meaning))),
    ),
    section(
      'ENVIRONMENT',
      item('IAM_TOKEND_SOCKET', "Path of the daemon's socket."),
      item('IAM_TOKEND_PROFILE', 'Profile to use unless --profile is given.'),
      item('NO_COLOR', 'If set, `status` and `doctor` print no colours.'),
    ),
    section(
      'FILES',
      item(
        '$XDG_RUNTIME_DIR/iam-tokend/ipc.sock',
        'Socket of the daemon. Without XDG_RUNTIME_DIR it is in `/run/user/UID/iam-tokend` or `/tmp/iam-tokend-UID`.',
      ),
    ),
    section(
      'EXAMPLES',
      allCommands.map((command) => [
        paragraph(sentencesOf(command.summary).replace(/\.$/, ':')),
        example(command.examples.join('\n')),
      ]),
    ),
    section('SEE ALSO', '.BR iam\\-tokend (8)'),
  ];
}

function daemonPage({ daemonOptions, sentencesOf, version }) {
  return page('iam-tokend', 8, 'keep a Yandex Cloud credential and serve IAM tokens', version, [
    section('SYNOPSIS', '.B iam\\-tokend', '[\\fIOPTIONS\\fR]'),
    section(
      'DESCRIPTION',
      paragraph(
        "`iam-tokend` keeps a credential in the user's keychain, exchanges it for an IAM token, renews the token every hour,",
        'and serves it over a Unix socket to `iam-token` and other programs.',
        'It runs in the foreground.',
        '`iam-token install` runs it as a service, and `iam-token login` stores the credential.',
      ),
    ),
    section(
      'OPTIONS',
      Object.entries(daemonOptions).map(([name, { placeholder, help }]) =>
        item(placeholder === undefined ? `--${name}` : `--${name} ${placeholder}`, sentencesOf(help)),
      ),
    ),
    section(
      'CONFIGURATION',
      paragraph(
        'Every key of `config.yaml` is optional.',
        'All problems are reported together, with their line numbers.',
      ),
      example(readConfigExample()),
    ),
    daemonReference(),
  ]);
}

function daemonReference() {
  return [
    section(
      'ENVIRONMENT',
      paragraph('Environment variables override the configuration, and options override both.'),
      item('IAM_TOKEND_SOCKET', 'Socket to listen on.'),
      item('IAM_TOKEND_STORE', 'The same as --store.'),
      item('IAM_TOKEND_LOG_LEVEL', 'The same as --log-level.'),
      item('IAM_TOKEND_IAM_ENDPOINT', 'URL of the IAM API: https, or http on a loopback address.'),
      item('HTTPS_PROXY, NO_PROXY', 'Proxy for requests to IAM, and the hosts that are reached without it.'),
    ),
    section(
      'SIGNALS',
      item('SIGTERM, SIGINT', 'Finish the pending requests and exit.'),
      item('SIGHUP', 'Read the configuration again. An invalid configuration changes nothing.'),
    ),
    section(
      'FILES',
      item('$XDG_CONFIG_HOME/iam-tokend', '`config.yaml` and `profiles.json`. Neither contains a secret.'),
      item('$XDG_STATE_HOME/iam-tokend', 'The file store, and the log unless the journal receives it.'),
      item('$XDG_RUNTIME_DIR/iam-tokend/ipc.sock', 'The socket.'),
    ),
    section('SEE ALSO', '.BR iam\\-token (1)'),
  ];
}

export async function writeManualPages() {
  const tables = await loadTables();
  mkdirSync(`${root}dist/man`, { recursive: true });
  writeFileSync(`${root}dist/man/iam-token.1`, clientPage(tables));
  writeFileSync(`${root}dist/man/iam-tokend.8`, daemonPage(tables));
}
