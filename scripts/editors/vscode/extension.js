// @ts-check
// IAM tokens in VS Code: `${command:iam-token.get}` in launch.json and tasks.json, the same command for other
// extensions, and how long the token lives in the status bar. Speaks to the daemon's socket itself (PROTOCOL.md), so
// that it needs no other file.
const fs = require('node:fs');
const net = require('node:net');
const os = require('node:os');
const path = require('node:path');
const vscode = require('vscode');

const timeoutMs = 10_000;
const refreshMs = 30_000;
const longestFrame = 65_536;

/** What the daemon or the way to it says, with what to do about it. */
class Refusal extends Error {
  /** @param {{ message: string, hint?: string }} problem */
  constructor({ message, hint }) {
    super(hint === undefined ? message : `${message} – ${hint.replaceAll('\n', '; ')}`);
  }
}

/** Of the thing itself, not of what a link leads to. */
const lstat = (/** @type {string} */ file) => fs.lstatSync(file, { throwIfNoEntry: false });

/** Where the daemon may listen, as README.md has it. */
function socketPaths() {
  const named = vscode.workspace.getConfiguration('iam-token').get('socket') || process.env.IAM_TOKEND_SOCKET;
  if (named) return { paths: [String(named)], isNamed: true };
  const { homedir, uid } = os.userInfo();
  const home = process.env.HOME || homedir;
  if (process.platform === 'darwin')
    return { paths: [path.join(home, 'Library/Application Support/iam-tokend/ipc.sock')], isNamed: false };
  const folders = [process.env.XDG_RUNTIME_DIR ?? '', `/run/user/${uid}`].filter(
    (folder) => path.isAbsolute(folder) && fs.statSync(folder, { throwIfNoEntry: false })?.uid === uid,
  );
  const inFolders = folders.map((folder) => path.join(folder, 'iam-tokend/ipc.sock'));
  return { paths: inFolders.length > 0 ? inFolders : [`/tmp/iam-tokend-${uid}/ipc.sock`], isNamed: false };
}

/**
 * Who can write to the socket's folder can put a socket of their own there.
 * @param {string} socketPath
 * @param {boolean} isNamed
 * @returns {boolean} whether there is a folder
 */
function checkFolder(socketPath, isNamed) {
  const { uid } = os.userInfo();
  if (uid === -1)
    throw new Refusal({
      message: 'on Windows a daemon has to prove whose it is, and here none is asked to',
      hint: 'take the token from iam-token itself',
    });
  const folder = path.dirname(socketPath);
  const found = lstat(folder);
  if (found === undefined) return false;
  const owners = isNamed ? [uid, 0, lstat(socketPath)?.uid] : [uid];
  const isClosed = (found.mode & (isNamed ? 0o022 : 0o077)) === 0;
  if (found.isDirectory() && owners.includes(found.uid) && isClosed) return true;
  throw new Refusal({
    message: `the socket's folder ${folder} is a link, foreign or open to others`,
    hint: 'iam-token doctor',
  });
}

/**
 * One question on one connection.
 * @param {string} method
 * @returns {Promise<any>} the answer's `result`
 */
async function ask(method) {
  const profile =
    vscode.workspace.getConfiguration('iam-token').get('profile') || process.env.IAM_TOKEND_PROFILE;
  const request = { v: 1, id: 1, method, params: profile ? { profile } : {} };
  const { paths, isNamed } = socketPaths();
  for (const socketPath of paths) {
    if (!checkFolder(socketPath, isNamed)) continue;
    const frame = await exchange(socketPath, `${JSON.stringify({ type: 'iam-token', data: request })}\f`);
    if (frame === null) continue;
    const { result, error } = JSON.parse(frame).data;
    if (error !== undefined) throw new Refusal(error);
    return result;
  }
  throw new Refusal({ message: `nothing listens at ${paths.join(' or ')}`, hint: 'iam-token install' });
}

/**
 * @param {string} socketPath
 * @param {string} frame
 * @returns {Promise<string | null>} one frame, without its end; `null` where nobody listens
 */
function exchange(socketPath, frame) {
  return new Promise((resolve, reject) => {
    let text = '';
    const socket = net.connect(socketPath, () => void socket.write(frame)).setEncoding('utf8');
    const giveUp = () =>
      socket.destroy(new Refusal({ message: 'the daemon does not answer', hint: 'iam-token doctor' }));
    // Not the socket's own timeout, which each further byte would put off.
    const timer = setTimeout(giveUp, timeoutMs);
    socket.on('data', (/** @type {string} */ piece) => {
      text += piece;
      const end = text.indexOf('\f');
      if (end !== -1) {
        resolve(text.slice(0, end));
        socket.destroy();
      } else if (text.length > longestFrame) giveUp();
    });
    socket.on('error', (/** @type {NodeJS.ErrnoException} */ error) =>
      error.code === 'ENOENT' || error.code === 'ECONNREFUSED' ? resolve(null) : reject(error),
    );
    socket.on('close', () => {
      clearTimeout(timer);
      reject(new Refusal({ message: 'the daemon closed the connection', hint: 'try again' }));
    });
  });
}

/** @param {number} ms */
function span(ms) {
  const minutes = Math.floor(ms / 60_000);
  return minutes < 60 ? `${minutes}m` : `${Math.floor(minutes / 60)}h${minutes % 60}m`;
}

/** @returns {Promise<{ text: string, tooltip: string, isGood: boolean }>} */
async function look() {
  try {
    const { profiles } = await ask('status');
    const status =
      profiles.length === 1 ? profiles[0] : profiles.find((/** @type {any} */ each) => each.isDefault);
    if (status === undefined)
      return { text: '$(key) no profile', tooltip: 'nobody is logged in – iam-token login', isGood: false };
    const { profile, state, timeLeftMs, problem } = status;
    const left = timeLeftMs > 0 ? span(timeLeftMs) : state.replaceAll('_', ' ');
    const isGood = problem === null;
    return {
      text: `$(${isGood ? 'key' : 'warning'}) ${profile.replaceAll('$(', '$ (')} ${left}`,
      tooltip: isGood ? `the IAM token of ${profile}` : new Refusal(problem).message,
      isGood,
    };
  } catch (error) {
    return {
      text: '$(warning) IAM token',
      tooltip: error instanceof Error ? error.message : String(error),
      isGood: false,
    };
  }
}

/** @param {vscode.ExtensionContext} context */
function activate(context) {
  const item = vscode.window.createStatusBarItem('iam-token', vscode.StatusBarAlignment.Right);
  item.name = 'IAM token';
  item.command = 'iam-token.status';
  item.show();
  const refresh = async () => {
    const seen = await look();
    item.text = seen.text;
    item.tooltip = seen.tooltip;
    return seen;
  };
  const timer = setInterval(() => void refresh(), refreshMs);
  context.subscriptions.push(
    item,
    { dispose: () => clearInterval(timer) },
    vscode.commands.registerCommand('iam-token.get', async () => {
      try {
        return (await ask('token')).token;
      } catch (error) {
        const message = `iam-token: ${error instanceof Error ? error.message : String(error)}`;
        void vscode.window.showErrorMessage(message);
        // VS Code goes on with an empty value unless the command throws.
        throw new Error(message, { cause: error });
      }
    }),
    vscode.commands.registerCommand('iam-token.status', async () => {
      const { tooltip, isGood, text } = await refresh();
      if (isGood) void vscode.window.showInformationMessage(`${tooltip}: ${text.replace('$(key) ', '')}`);
      else void vscode.window.showWarningMessage(`iam-token: ${tooltip}`);
    }),
  );
  return refresh();
}

module.exports = { activate };
