import { IamTokenError } from '../shared/errors.ts';

/** A command of the service manager. */
export interface SystemCommand {
  readonly argv: readonly [program: string, ...args: string[]];
  /** A failure is ignored: its effect may already be in place. */
  readonly mayFail?: true;
}

export interface ServiceFile {
  readonly path: string;
  /** The template in our package; absent if the text is generated. */
  readonly templatePath?: string;
  /** Default: UTF-8. */
  readonly encoding?: 'utf16le';
  /** Never overwritten, and removed by --purge only: the user may have changed it. */
  readonly preserveExisting?: true;
  /** Where a Debian package puts the same file. The one at `path` overrides it. */
  readonly packagedPath?: string;
}

/**
 * Service managers read their files by lines: a line break in a path would begin another directive. The other
 * characters are invalid in XML, or stand for bytes that are not UTF-8.
 * @throws IamTokenError `bad_request`
 */
export function requirePlainText(texts: readonly string[]): void {
  const invalidText = texts.find((text) => /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\u{fffd}-\u{ffff}]/u.test(text));
  if (invalidText === undefined) return;
  throw new IamTokenError({
    code: 'bad_request',
    message: `${JSON.stringify(invalidText)} contains a control character or bytes that are not UTF-8, which no service file can hold`,
    hint: 'install iam-tokend and Node in folders with plain names',
  });
}

/** How one service manager runs the daemon, as data: `install` runs these commands, `--dry-run` prints them. */
export interface ServiceDefinition {
  /** The manager's name for messages. */
  readonly manager: string;
  /** The name of the service, as in the daemon's status. */
  readonly unit: string;
  readonly files: readonly ServiceFile[];
  /** The links by which the manager starts the service; it creates and removes them itself. */
  readonly enablementLinks?: readonly string[];
  /**
   * @param text the template, or an empty text
   * @returns the file's text for a daemon started by `argv`
   * @throws IamTokenError `bad_request` for a path that the file cannot hold
   */
  fillTemplate(text: string, argv: readonly [program: string, ...args: string[]]): string;
  /** Run once the files are written: start the daemon now and in each session; restart one that runs. */
  readonly startCommands: readonly SystemCommand[];
  /** Where the service manager listens for the daemon; absent if the daemon listens itself. */
  readonly socket?: {
    readonly path: string;
    /** Binds the path again, and restarts the daemon. */
    readonly restartCommand: SystemCommand;
  };
  /** Stop the daemon until it is started again or the next session begins. */
  readonly stopCommands: readonly SystemCommand[];
  /** Stop and disable the service, before its files are removed. */
  readonly disableCommands: readonly SystemCommand[];
  /** Run once the files are removed. */
  readonly cleanupCommands: readonly SystemCommand[];
  /** Remove what the system service leaves: its configuration, state and user. */
  readonly purgeCommands?: readonly SystemCommand[];
  /** Lets the service run while the user is logged out; absent if unsupported. `queryCommand` prints `yes` or `no`. */
  readonly lingering?: {
    readonly queryCommand: SystemCommand;
    readonly enableCommand: SystemCommand;
    readonly disableCommand: string;
  };
  /** When the manager starts it, such as `with each session`. */
  readonly startTrigger: string;
  /** A command that shows the daemon's log. */
  readonly logCommand: string;
}
