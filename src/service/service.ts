/** One program to run: its name, and its arguments. */
export interface ProgramCall {
  readonly argv: readonly [program: string, ...args: string[]];
  /** What it does may be done already, or be impossible here. */
  readonly mayFail?: true;
}

export interface ServiceFile {
  readonly path: string;
  /** Its name in our package; absent: there is none. */
  readonly packaged?: string;
  /** UTF-8 unless given. */
  readonly encoding?: 'utf16le';
  /** A person's own once it is there: not written again, and purged alone. */
  readonly isKept?: true;
}

/** The daemon as a service manager has it. Data: whoever runs the calls can as well print them. */
export interface Service {
  /** As a person calls the manager. */
  readonly manager: string;
  /** What the daemon is called there, as its status has it. */
  readonly unit: string;
  /** Its files, where they belong. */
  readonly files: readonly ServiceFile[];
  /** The text of a packaged file, or an empty one, becomes that for a daemon that is started by `argv`. */
  fill(text: string, argv: readonly [program: string, ...args: string[]]): string;
  /** With the files in place: started now and with each session; one that runs becomes the new release. */
  readonly start: readonly ProgramCall[];
  /** Until it is started again, or the next session begins. */
  readonly stop: readonly ProgramCall[];
  /** Ends it for good, before the files are removed. */
  readonly end: readonly ProgramCall[];
  /** After they were. */
  readonly forget: readonly ProgramCall[];
  /** For the whole system: removes all that is left of it then. */
  readonly purge?: readonly ProgramCall[];
  /** Runs also while the person is not logged in; absent where there is no such thing. `ask` prints `yes` or `no`. */
  readonly lingering?: { readonly ask: ProgramCall; readonly turnOn: ProgramCall; readonly turnOff: string };
  /** When it runs, beside now. */
  readonly when: string;
  /** The command that shows what the daemon said. */
  readonly showLog: string;
}
