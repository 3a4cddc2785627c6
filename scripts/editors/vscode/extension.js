// @ts-check
// IAM tokens in VS Code: the command `iam-token.get`, for launch.json, tasks.json and other extensions, and the time left
// in the status bar. Uses the daemon's socket directly (PROTOCOL.md), so the extension needs no other file.
const fs = require('node:fs');
const net = require('node:net');
const os = require('node:os');
const path = require('node:path');
const vscode = require('vscode');

const timeoutMs = 10_000;
const refreshMs = 30_000;
const maxFrameBytes = 65_536;

const maxTextLength = 1_000;

/**
 * Makes foreign text safe to show: VS Code renders `[text](command:…)` in messages as a link that runs a command, and
 * `$(name)` as an icon. Control and format characters become `\\u{…}`.
 * @param {string} text
 */
function toPlainText(text) {
  return text
    .slice(0, maxTextLength)
    .replaceAll(
      /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu,
      (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`,
    )
    .replaceAll('](', '] (')
    .replaceAll('$(', '$ (');
}

/** A problem, with its hint in the message. */
class ProblemError extends Error {
  /** @param {{ message: string, hint?: string }} problem */
  constructor({ message, hint }) {
    super(toPlainText(hint === undefined ? message : `${message} – ${hint.replaceAll('\n', '; ')}`));
  }
}

/** @param {unknown} error */
const messageOf = (error) => toPlainText(error instanceof Error ? error.message : String(error));

/** What violates the protocol is not handed on. */
const invalidResponse = (reason = '') =>
  new ProblemError({ message: `the daemon sent an invalid response${reason}`, hint: 'iam-token doctor' });

/** @param {unknown} value @returns {value is Record<string, unknown>} */
const isObject = (value) => typeof value === 'object' && value !== null && !Array.isArray(value);

/** @param {unknown} value @returns {value is { message: string, hint?: string }} */
const isProblem = (value) =>
  isObject(value) && typeof value.message === 'string' && ['string', 'undefined'].includes(typeof value.hint);

/**
 * The result of a response.
 * @param {string} frame
 * @returns {Record<string, unknown>}
 */
function parseResponse(frame) {
  let message;
  try {
    message = JSON.parse(frame);
  } catch {
    throw invalidResponse(' (not JSON)');
  }
  const data = isObject(message) && message.type === 'iam-token' ? message.data : undefined;
  if (!isObject(data)) throw invalidResponse();
  // In any version: a daemon of another one can report that.
  if (isProblem(data.error)) throw new ProblemError(data.error);
  if (data.error !== undefined || data.v !== 1 || data.id !== 1 || !isObject(data.result))
    throw invalidResponse();
  return data.result;
}

/**
 * Visible ASCII only, as in `iam-token`: the token ends in headers and command lines.
 * @param {Record<string, unknown>} result
 */
function parseToken({ token }) {
  if (typeof token === 'string' && /^[\x21-\x7e]+$/.test(token)) return token;
  throw invalidResponse();
}

/** @typedef {{ profile: string, isDefault: boolean, state: string, timeLeftMs: number, problem: { message: string, hint?: string } | null }} ProfileStatus */

/**
 * @param {Record<string, unknown>} result
 * @returns {ProfileStatus[]}
 */
function parseProfiles({ profiles }) {
  if (!Array.isArray(profiles)) throw invalidResponse();
  return profiles.map((row) => {
    if (!isObject(row)) throw invalidResponse();
    const { profile, isDefault, state, timeLeftMs, problem } = row;
    if (typeof profile !== 'string' || typeof state !== 'string') throw invalidResponse();
    if (problem !== null && !isProblem(problem)) throw invalidResponse();
    const isTime = typeof timeLeftMs === 'number' && Math.abs(timeLeftMs) <= Number.MAX_SAFE_INTEGER;
    if (timeLeftMs !== null && !isTime) throw invalidResponse();
    return { profile, isDefault: isDefault === true, state, timeLeftMs: isTime ? timeLeftMs : 0, problem };
  });
}

/** Does not follow symbolic links. `undefined` if the file does not exist. */
const lstat = (/** @type {string} */ file) => fs.lstatSync(file, { throwIfNoEntry: false });

/** The sockets that USAGE.md lists under "Paths". */
function socketPaths() {
  const explicitPath =
    vscode.workspace.getConfiguration('iam-token').get('socket') || process.env.IAM_TOKEND_SOCKET;
  if (explicitPath) return { paths: [String(explicitPath)], isExplicit: true };
  const { homedir, uid } = os.userInfo();
  const home = process.env.HOME || homedir;
  if (process.platform === 'darwin')
    return { paths: [path.join(home, 'Library/Application Support/iam-tokend/ipc.sock')], isExplicit: false };
  const folders = [process.env.XDG_RUNTIME_DIR ?? '', `/run/user/${uid}`].filter(
    (folder) => path.isAbsolute(folder) && fs.statSync(folder, { throwIfNoEntry: false })?.uid === uid,
  );
  const runtimePaths = folders.map((folder) => path.join(folder, 'iam-tokend/ipc.sock'));
  return {
    paths: runtimePaths.length > 0 ? runtimePaths : [`/tmp/iam-tokend-${uid}/ipc.sock`],
    isExplicit: false,
  };
}

/**
 * Another user with write access to the socket's folder could replace the socket.
 * @param {string} socketPath
 * @param {boolean} isExplicit
 * @returns {boolean} whether the folder exists
 */
function checkFolder(socketPath, isExplicit) {
  const { uid } = os.userInfo();
  if (uid === -1)
    throw new ProblemError({
      message: 'the daemon cannot be authenticated on Windows',
      hint: 'use the command iam-token instead',
    });
  const folder = path.dirname(socketPath);
  const stats = lstat(folder);
  if (stats === undefined) return false;
  const owners = isExplicit ? [uid, 0, lstat(socketPath)?.uid] : [uid];
  const isClosed = (stats.mode & (isExplicit ? 0o022 : 0o077)) === 0;
  if (stats.isDirectory() && owners.includes(stats.uid) && isClosed) return true;
  throw new ProblemError({
    message: `the socket's folder ${folder} is not private`,
    hint: 'iam-token doctor',
  });
}

/**
 * Sends one request on its own connection.
 * @param {string} method
 * @returns {Promise<Record<string, unknown>>} the `result` of the response
 */
async function call(method) {
  const profile =
    vscode.workspace.getConfiguration('iam-token').get('profile') || process.env.IAM_TOKEND_PROFILE;
  const request = { v: 1, id: 1, method, params: profile ? { profile } : {} };
  const { paths, isExplicit } = socketPaths();
  for (const socketPath of paths) {
    if (!checkFolder(socketPath, isExplicit)) continue;
    const frame = await exchange(socketPath, `${JSON.stringify({ type: 'iam-token', data: request })}\f`);
    if (frame === null) continue;
    return parseResponse(frame);
  }
  throw new ProblemError({
    message: `iam-tokend is not running (cannot connect to ${paths.join(' or ')})`,
    hint: 'iam-token install',
  });
}

/**
 * @param {string} socketPath
 * @param {string} frame
 * @returns {Promise<string | null>} the first frame, without its delimiter; `null` if no process listens
 */
function exchange(socketPath, frame) {
  return new Promise((resolve, reject) => {
    let text = '';
    const socket = net.connect(socketPath, () => void socket.write(frame)).setEncoding('utf8');
    const onTimeout = () =>
      socket.destroy(new ProblemError({ message: 'the daemon does not respond', hint: 'iam-token doctor' }));
    // The timeout of the socket itself would start again with each chunk.
    const timer = setTimeout(onTimeout, timeoutMs);
    socket.on('data', (/** @type {string} */ chunk) => {
      text += chunk;
      const end = text.indexOf('\f');
      if (end !== -1) {
        resolve(text.slice(0, end));
        socket.destroy();
      } else if (text.length > maxFrameBytes) onTimeout();
    });
    socket.on('error', (/** @type {NodeJS.ErrnoException} */ error) =>
      error.code === 'ENOENT' || error.code === 'ECONNREFUSED' ? resolve(null) : reject(error),
    );
    socket.on('close', () => {
      clearTimeout(timer);
      reject(new ProblemError({ message: 'the daemon closed the connection', hint: 'try again' }));
    });
  });
}

/** @param {number} ms */
function formatTimeLeft(ms) {
  const minutes = Math.floor(ms / 60_000);
  return minutes < 60 ? `${minutes}m` : `${Math.floor(minutes / 60)}h${minutes % 60}m`;
}

/** @returns {Promise<{ text: string, tooltip: string, isOk: boolean }>} */
async function loadStatus() {
  try {
    const profiles = parseProfiles(await call('status'));
    const status = profiles.length === 1 ? profiles[0] : profiles.find(({ isDefault }) => isDefault);
    if (status === undefined)
      return { text: '$(key) no profile', tooltip: 'not logged in – iam-token login', isOk: false };
    const { state, timeLeftMs, problem } = status;
    const profile = toPlainText(status.profile);
    const left = timeLeftMs > 0 ? formatTimeLeft(timeLeftMs) : toPlainText(state.replaceAll('_', ' '));
    return {
      text: `$(${problem === null ? 'key' : 'warning'}) ${profile} ${left}`,
      tooltip: problem === null ? `the IAM token of ${profile}` : new ProblemError(problem).message,
      isOk: problem === null,
    };
  } catch (error) {
    return {
      text: '$(warning) IAM token',
      tooltip: messageOf(error),
      isOk: false,
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
    const status = await loadStatus();
    item.text = status.text;
    item.tooltip = status.tooltip;
    return status;
  };
  const timer = setInterval(() => void refresh(), refreshMs);
  context.subscriptions.push(
    item,
    { dispose: () => clearInterval(timer) },
    vscode.commands.registerCommand('iam-token.get', async () => {
      try {
        return parseToken(await call('token'));
      } catch (error) {
        const message = `iam-token: ${messageOf(error)}`;
        void vscode.window.showErrorMessage(message);
        // Unless the command throws, VS Code continues with an empty value.
        throw new Error(message, { cause: error });
      }
    }),
    vscode.commands.registerCommand('iam-token.status', async () => {
      const { tooltip, isOk, text } = await refresh();
      if (isOk) void vscode.window.showInformationMessage(`${tooltip}: ${text.replace('$(key) ', '')}`);
      else void vscode.window.showWarningMessage(`iam-token: ${tooltip}`);
    }),
  );
  return refresh();
}

module.exports = { activate };
