import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseCommandLine } from '../../src/cli/parsing/parse-command-line.ts';
import { assertNoFindings } from './findings.ts';
import { root } from './source-tree.ts';

/** A command in a document. */
interface DocumentCommand {
  readonly document: string;
  readonly heading: string;
  /** Words in backticks, or a block. */
  readonly text: string;
  readonly isBlock: boolean;
  /** Whether its paragraph says "(not run)", or its section "Not run: …" with the name of the program. */
  readonly isMarked: boolean;
}

const read = (path: string): string => readFileSync(join(root, path), 'utf8');
const commandStart =
  /^iam-tokend?(?: |$)|^(?:ansible-playbook|apk|aws|curl|docker|eval|flatpak-spawn|journalctl|kill|kubectl|man|node|npm|podman|psql|scripts\/(?:demo|test)|systemctl|yc) |\$\(iam-token/;

const commands = ['README.md', 'RECIPES.md', 'TROUBLESHOOTING.md'].flatMap(readCommands);

function readCommands(document: string): readonly DocumentCommand[] {
  return read(document)
    .split(/^#+ (?=.*$)/m)
    .flatMap((section) => {
      const heading = section.split('\n')[0] ?? '';
      const [, notRun = ''] = /\bNot run: ([^.]*)/.exec(section.replaceAll('\n', ' ')) ?? [];
      const blocks = [...section.matchAll(/^```(sh|bash|powershell|console)\n(.*?)^```$/gms)].map(
        ([, language = '', text = '']) => ({
          document,
          heading,
          text: text.trim().replaceAll(/\s+/g, ' '),
          isBlock: true,
          isMarked: language === 'powershell' && notRun.includes('PowerShell'),
        }),
      );
      const paragraphs = section.replaceAll(/^```.*?^```$/gms, '').split(/\n\n|\n(?=[|-])/);
      const lines = paragraphs.flatMap((paragraph) =>
        [...paragraph.matchAll(/`([^`]+)`/g)]
          .map(([, text = '']) => text.replaceAll(String.raw`\|`, '|').replaceAll(/\s+/g, ' '))
          .filter((text) => commandStart.test(text))
          .map((text) => ({
            document,
            heading,
            text,
            isBlock: false,
            isMarked:
              paragraph.includes(`\`${text}\` (not run)`) ||
              new RegExp(`\\b${text.split(' ')[0] ?? ''}\\b`).test(notRun),
          })),
      );
      return [...blocks, ...lines];
    });
}

/** What runs the commands of other programs that stand in a text or in README's and TROUBLESHOOTING's blocks. */
const runBy: Readonly<Record<string, string>> = {
  'npm ci --ignore-scripts': 'scripts/test',
  'sha256sum --check --ignore-missing SHA256SUMS': 'test/slow/release/release.test.ts',
  '$ iam-token install': 'scripts/demo',
  'scripts/demo': 'scripts/demo',
  'iam-token uninstall #': 'test/slow/service/user-service/describe-installation.ts',
  'systemctl restart iam-tokend.socket': 'test/slow/system-service/describe-lost-socket.ts',
  'man iam-token': 'test/scripts/manual-pages.test.ts',
  'npm run bench': 'scripts/bench/run.mjs',
  'npm run release': 'scripts/release/run.mjs',
  'node -e 0': 'scripts/bench/run.mjs',
  'kubectl kustomize scripts/kubernetes': 'test/slow/image/manifests.test.ts',
  'yc iam create-token': 'test/support/iam/fake-yc.ts',
  'yc k8s create-token': 'test/support/iam/fake-yc.ts',
  'kill -HUP N': 'test/e2e/service/reload.test.ts',
  'journalctl --user --unit iam-tokend': 'test/slow/service/user-service/describe-supervision.ts',
  'journalctl --unit iam-tokend': 'test/slow/system-service.test.ts',
  'curl -H @<(iam-token': 'test/slow/recipes/programs.test.ts',
  'PGPASSWORD=$(iam-token) psql': 'test/slow/token-rotation-programs.test.ts',
  'eval "$(iam-token env)"': 'test/slow/recipes/programs.test.ts',
};

const testTexts = readdirSync(join(root, 'test'), { recursive: true })
  .map(String)
  .filter((name) => name.endsWith('.ts') && !name.startsWith('conventions/'))
  .map((name) => read(join('test', name)))
  .filter((text) => text.includes('readCommandBlocks(') || text.includes("'../../../RECIPES.md'"));

/** Whether a test reads the blocks of this recipe, to run them. */
const isReadByTest = ({ heading }: DocumentCommand): boolean =>
  testTexts.some((text) => text.includes(`'${heading}'`));

describe('B10: commands in README, RECIPES and TROUBLESHOOTING', () => {
  it('are run by a test or a script, or are marked as not run', () => {
    const isOwn = ({ text, isBlock }: DocumentCommand): boolean =>
      !isBlock && /^iam-tokend?(?: |$)/.test(text);
    assertNoFindings(
      commands
        .filter((command) => !isOwn(command) && !command.isMarked)
        .filter((command) => !(command.isBlock && isReadByTest(command)))
        .filter(({ text }) => !Object.keys(runBy).some((start) => text.startsWith(start)))
        .map(({ document, text }) => `${document}: ${text}`),
    );
    assertNoFindings(
      Object.values(runBy)
        .filter((path) => !existsSync(join(root, path)))
        .map((path) => `${path} does not exist`),
    );
  });

  /** The name of a command, whose arguments a sentence leaves out. */
  const isMention = (text: string): boolean => /^iam-token (?:exec|yc|docker-credential)$/.test(text);
  const ownCommands = commands
    .filter(({ text, isBlock }) => !isBlock && /^iam-token(?: |$)/.test(text))
    .map(({ text }) => text);
  for (const text of new Set(ownCommands)) {
    it(`are accepted: ${text}`, () => {
      const [command = ''] = text.split(/ \|(?= )/);
      // A synopsis: its options without brackets, its first choice, and a value for each placeholder.
      const words = command
        .replaceAll(/[[\]]/g, '')
        .replaceAll(/(\w)\|[\w|]+/g, '$1')
        .replace('KIND …', '--oauth')
        .replace('COMMAND', 'status')
        .replaceAll(/ …/g, '')
        .split(' ')
        .slice(1);
      parseCommandLine(isMention(text) ? [...words, '--help'] : words);
    });
  }
});
