// Writes the manual pages iam-token(1) and iam-tokend(8) into dist/man, from the compiled tables of options.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

/** Text as roff has it; what stands in backticks is bold. */
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

const sentence = (text) => roff(`${text[0].toUpperCase()}${text.slice(1)}.`);
const item = (head, text) => ['.TP', String.raw`\fB${roff(head)}\fR`, text];
const option = (head, help) => item(head, sentence(help));
const section = (title, ...lines) => [`.SH ${title}`, ...lines.flat(Infinity)];
const example = (text) => ['.PP', '.nf', '.RS 4', ...roff(text).split('\n'), '.RE', '.fi'];

function page(name, number, title, release, sections) {
  // A package is built once, so that the day of its pages is that of its release.
  const day = new Date().toISOString().slice(0, 10);
  const lines = [
    `.TH ${name.toUpperCase()} ${number} ${day} "iam\\-tokend ${release}"`,
    section('NAME', String.raw`${roff(name)} \- ${roff(title)}`),
    sections,
  ];
  return `${lines.flat(Infinity).join('\n')}\n`;
}

export async function writeManualPages() {
  const { callOf, commands, optionsOf, signature } = await import('../dist/src/cli/options.js');
  const { daemonOptions } = await import('../dist/src/cli/daemon-options.js');
  const { exitCodes } = await import('../dist/src/cli/exit-codes.js');
  const { version } = await import('../dist/src/shared/version.js');

  // `lock` has none of its own. Where one waits longer, that stands with the command.
  const common = optionsOf('lock');
  const isCommon = (option) => common.some(({ help }) => help === option.help);
  const own = ({ name }) => optionsOf(name).filter((each) => !isCommon(each));
  const optionItems = (list) => list.map((each) => option(signature(each), each.help));
  const [bare, ...named] = commands;

  const client = page('iam-token', 1, 'print a living IAM token of Yandex Cloud', version, [
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
      roff(
        '`iam-token` asks the daemon `iam-tokend` of this person, which holds the credential and renews the token.',
      ),
      roff(
        'Without a command it prints the token and a newline. Options may stand before and after the command.',
      ),
    ),
    section('OPTIONS', optionItems(own(bare))),
    section(
      'COMMANDS',
      named.map((command) => [
        item(callOf(command), sentence(command.help)),
        own(command).length === 0 ? [] : ['.RS', optionItems(own(command)), '.RE'],
      ]),
    ),
    section('OPTIONS OF ALL COMMANDS', optionItems(common)),
    section(
      'EXIT STATUS',
      Object.entries(exitCodes).map(([code, meaning]) => option(code, meaning)),
    ),
    section(
      'ENVIRONMENT',
      option('IAM_TOKEND_SOCKET', "the daemon's socket"),
      option('IAM_TOKEND_PROFILE', 'the profile where none is named; else the default one is meant'),
      option('NO_COLOR', 'no colours in what `status` and `doctor` print'),
    ),
    section(
      'FILES',
      option(
        '$XDG_RUNTIME_DIR/iam-tokend/ipc.sock',
        'the socket, or below `/run/user/UID` or `/tmp/iam-tokend-UID`',
      ),
    ),
    section(
      'EXAMPLES',
      'A header that stands in no command line:',
      example(
        'curl -H @<(iam-token --format header) https://resource-manager.api.cloud.yandex.net/resource-manager/v1/clouds',
      ),
    ),
    section('SEE ALSO', '.BR iam\\-tokend (8)'),
  ]);

  const settings = /^```yaml\n(store: keychain .*?)^```/ms.exec(
    readFileSync(`${root}README.md`, 'utf8'),
  )?.[1];
  if (settings === undefined)
    throw new Error('README.md has no config.yaml that begins with `store: keychain`');
  const daemon = page(
    'iam-tokend',
    8,
    'keep a Yandex Cloud credential, and hand out living IAM tokens',
    version,
    [
      section('SYNOPSIS', '.B iam\\-tokend', '[\\fIOPTIONS\\fR]', '.br', '.B iam\\-tokend \\-\\-purge'),
      section(
        'DESCRIPTION',
        roff(
          '`iam-tokend` keeps a credential in the keychain of one person, exchanges it for an IAM token, renews that every',
        ),
        roff(
          'hour, and serves it over a Unix socket to `iam-token` and other programs. It runs in the foreground;',
        ),
        roff(
          '`iam-token install` has the service manager run it, and `iam-token login` hands it the credential.',
        ),
      ),
      section(
        'OPTIONS',
        Object.entries(daemonOptions).map(([name, { placeholder, help }]) =>
          option(placeholder === undefined ? `--${name}` : `--${name} ${placeholder}`, help),
        ),
      ),
      section(
        'CONFIGURATION',
        roff('Every key of `config.yaml` is optional, and all mistakes in it are named at once:'),
        example(settings.trimEnd()),
      ),
      section(
        'ENVIRONMENT',
        'It beats the configuration, and options beat it.',
        option('IAM_TOKEND_SOCKET', 'where to listen'),
        option('IAM_TOKEND_STORE', 'as --store'),
        option('IAM_TOKEND_LOG_LEVEL', 'as --log-level'),
        option('IAM_TOKEND_IAM_ENDPOINT', 'the IAM API, an https URL, or http on a loopback address'),
        option('HTTPS_PROXY, NO_PROXY', 'the proxy on the way to IAM, and what is asked without it'),
      ),
      section(
        'SIGNALS',
        option('SIGTERM, SIGINT', 'end in good order'),
        option('SIGHUP', 'read the configuration again, all of it or nothing'),
      ),
      section(
        'FILES',
        option(
          '$XDG_CONFIG_HOME/iam-tokend',
          '`config.yaml`, and `profiles.json`, neither with a secret in it',
        ),
        option('$XDG_STATE_HOME/iam-tokend', 'the file store, and the log where no journal takes it'),
        option('$XDG_RUNTIME_DIR/iam-tokend/ipc.sock', 'the socket'),
      ),
      section('SEE ALSO', '.BR iam\\-token (1)'),
    ],
  );

  mkdirSync(`${root}dist/man`, { recursive: true });
  writeFileSync(`${root}dist/man/iam-token.1`, client);
  writeFileSync(`${root}dist/man/iam-tokend.8`, daemon);
}
