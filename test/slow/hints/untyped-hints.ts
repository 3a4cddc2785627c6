/** Hints that no scenario types, by the reason. */

/** Sentences: what to do is not a command, or happens outside this machine. */
const advice = `
install.ts: unpack iam-tokend below /opt
file-locking.ts: install util-linux, or iam-tokend with its optional dependency koffi
transport-failure.ts: or the clock of this machine is wrong
kubernetes-credential.ts: set apiVersion: \${} in the exec section of your kubeconfig
token-environment.ts: set metadata: { listen: "127.0.0.1:8099" } in config.yaml and restart iam-tokend
yc.ts: https://yandex.cloud/en/docs/cli/quickstart
yc.ts: put the folder of the real yc before it in PATH
save-proxy-settings.ts: set \${} in \${}
save-proxy-settings.ts: set caFile in \${}
save-proxy-settings.ts: set network.proxy in \${}
save-proxy-settings.ts: set them under network: in \${}
daemon-checks.ts: give no container the folder of ipc.sock
daemon-checks.ts: if no container needs it, remove this from config.yaml: peers: { containers: full }
daemon-checks.ts: or set in config.yaml: peers: { containers: full }
network-checks.ts: set network.proxy in \${}
network-checks.ts: to trust your own authority, set network.caFile in \${}
connection.ts: run iam-token \${} where the daemon runs
revocation.ts: remove the roles of this account, or wait until then
revocation.ts: revoke the credential too, or wait until then
request-handler.ts: ask the administrator of this machine
leftover-slots.ts: removed as soon as \${} allows it
paths.ts: set \${} to an absolute path
prepare-socket.ts: choose another path with --socket or IAM_TOKEND_SOCKET, for client and daemon
paths.ts: set a shorter path with --socket or IAM_TOKEND_SOCKET, for client and daemon
parse-request.ts: install the same release of iam-token and iam-tokend
service-definition.ts: install iam-tokend and Node in folders with plain names
derived-sources.ts: grant this account the role iam.serviceAccounts.tokenCreator for \${}
rpc-status.ts: grant this account the missing role
rpc-status.ts: this is a bug in iam-tokend; please report it
metadata.ts: this kind of credential works only on a VM of Yandex Cloud
oauth.ts: an OAuth token begins with y0_, y1_, y2_, y3_ or AQAA
oauth.ts: revoke the access at https://id.yandex.com/personal/data-access
workload-identity.ts: \${}; \${}
workload-identity.ts: check that a workload identity federation trusts this token for \${}: its issuer, audience and subject
workload-identity.ts: check the program that renews this file
yc.ts: install yc where only you and root can write
keychain-problems.ts: answer the prompt, if there is one, and try again
keychain-problems.ts: to read without a confirmation, in KeePassXC: Settings, Secret Service Integration, "Confirm when passwords are retrieved by clients"
keychain-problems.ts: try again
keychain-problems.ts: try again and answer the prompt
keychain-problems.ts: try again in a desktop session and answer the prompt
selectors.ts: this machine's clock is \${} \${}; correct it
token-source.ts: correct the clock of this machine; the daemon then tries again by itself
`;

/** The same command as a hint that a test types, for another cause: each row is followed by that hint. */
const sameCommand: readonly (readonly [hint: string, typedHint: string])[] = [
  ['answer-start-failure.ts: iam-token doctor', 'connection.ts: iam-token doctor'],
  ['docker-credential.ts: iam-token doctor', 'connection.ts: iam-token doctor'],
  ['save-proxy-settings.ts: iam-token doctor', 'connection.ts: iam-token doctor'],
  ['save-proxy-settings.ts: iam-token install', 'service-manager.ts: iam-token install'],
  ['current-service.ts: iam-tokend &', 'service-manager.ts: iam-tokend &'],
  ['uninstall.ts: iam-token uninstall --purge', 'purge.ts: iam-token uninstall --purge'],
  ['instance-locks.ts: df -h ${}', 'file-errors.ts: df -h ${}'],
  ['write-file.ts: df -h ${}', 'file-errors.ts: df -h ${}'],
  ['write-file.ts: ls -l ${}', 'secret-file.ts: ls -l ${}'],
  ['parse-items.ts: {login}', 'profile-problems.ts: {login}'],
  ['edit-profile.ts: {login}', 'profile-problems.ts: {login}'],
  ['login.ts: {login}', 'profile-problems.ts: {login}'],
  ['selectors.ts: {refresh}', 'yc-output.ts: {refresh}'],
  ['routes.ts: {login}', 'profile-problems.ts: {login}'],
  ['parse-stored.ts: {login}', 'profile-problems.ts: {login}'],
  ['sealed-file-storage.ts: {to use it as it is | unlock}', 'daemon-lock.ts: {unlock}'],
  ['keychain-problems.ts: {unlock}', 'daemon-lock.ts: {unlock}'],
];

/** Commands of macOS and Windows, which the tests do not run on; their texts are tested beside their code. */
const otherPlatform = `
client-files.ts: iam-token install
environment-check.ts: Remove-Item \${}
network-checks.ts: nslookup
authenticate-pipe.ts: another user may have taken the name of the pipe: find and end that program, then start iam-tokend
listening-user.ts: \${}lsof -nP -iTCP:\${} -sTCP:LISTEN
listening-user.ts: netstat -ano -p tcp | findstr :\${}
paths.ts: use a name such as \\\\.\\pipe\\iam-tokend-me
windows-task.ts: install iam-tokend and Node in folders with plain names
keychain-problems.ts: npm install --global iam-tokend
socket-line.ts: $env:IAM_TOKEND_SOCKET = \${}
`;

/** Typed on a machine with systemd, or in a desktop session, by these tests: they need its manager, or a window. */
const typedElsewhere: Readonly<Record<string, string>> = {
  'test/slow/system-service/describe-lost-socket.ts': `
watched-sockets.ts: systemctl restart iam-tokend.socket
prepare-socket.ts: systemctl start iam-tokend.socket
`,
  'test/slow/system-service/describe-denials.ts': `
service-sandbox.ts: sudo mkdir -p \${} && \${} | sudo tee \${}/iam-tokend.conf && sudo systemctl daemon-reload && sudo systemctl restart \${}
explain-unreachable.ts: sudo loginctl enable-linger \${}
explain-unreachable.ts: sudo -u \${} iam-token
explain-unreachable.ts: newgrp \${}
explain-unreachable.ts: sudo usermod --append --groups \${} \${}
`,
  'test/slow/service/user-service/describe-sandboxes.ts': `
service-sandbox.ts: systemd-run\${} --wait --pipe --property=\${}=\${} iam-token
service-sandbox.ts: mkdir -p \${} && \${} >\${}/iam-tokend.conf && systemctl --user daemon-reload && systemctl --user restart \${}
`,
  'test/slow/service/user-service/describe-isolation.ts': `
environment-check.ts: systemctl \${} unset-environment \${}
`,
  'test/slow/service/user-service/describe-installation.ts': `
install.ts: for your own user, without sudo: iam-token install --yc
service-manager.ts: iam-token install
`,
  'test/slow/desktop-keychains.test.ts': `
keychain-problems.ts: {confirm it | unlock}
keychain-problems.ts: {to write pending changes, now or after a restart | unlock}
`,
};

/** Printed by no kind of credential of this release: none of them replaces its credential at an exchange. */
const unreachable = `
profile-problems.ts: {the renewed credential is only in memory and is lost when the daemon stops; to store it | unlock}
`;

/** A line break within a hint is followed by a line without a file name. */
function linesOf(text: string): readonly string[] {
  return text.trim().split(/\n(?=[\w-]+\.ts: )/);
}

/** Each row of `untypedHints` that has a command, by the reason. */
export const untypedCommands = {
  sameCommand,
  otherPlatform: linesOf(otherPlatform),
  typedElsewhere: Object.entries(typedElsewhere).map(([path, hints]) => [path, linesOf(hints)] as const),
  unreachable: linesOf(unreachable),
};

export const hintsWithoutCommand: readonly string[] = linesOf(advice);

export const untypedHints: readonly string[] = [
  ...hintsWithoutCommand,
  ...sameCommand.map(([hint]) => hint),
  ...untypedCommands.otherPlatform,
  ...untypedCommands.typedElsewhere.flatMap(([, hints]) => hints),
  ...untypedCommands.unreachable,
];
