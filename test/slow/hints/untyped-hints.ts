/** Hints that no scenario types, by the reason. */

/** Sentences: what to do is not a command, or happens outside this machine. */
const advice = `
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

/** The same command as a hint that is typed, for another cause. */
const sameCommand = `
answer-start-failure.ts: iam-token doctor
bundle.ts: iam-token doctor --bundle \${}
docker-credential.ts: iam-token doctor
save-proxy-settings.ts: iam-token doctor
current-service.ts: iam-tokend &
profiles-check.ts: iam-token refresh \${}
daemon-checks.ts: run other commands on the host, such as: flatpak-spawn --host iam-token refresh
edit-profile.ts: {login | --endpoint URL}
edit-profile.ts: {login}
login.ts: {login}
routes.ts: {login}
parse-stored.ts: {login}
sealed-file-storage.ts: {to use it as it is | unlock}
find-store-obstacle.ts: use an encrypted file (for the service, with "store: file" in config.yaml): iam-tokend --store file
keys-check.ts: iam-token rotate-key
keys-check.ts: iam-token rotate-key \${}
live-key.ts: {login | service-account-key}
parse-items.ts: {login}
login-replace-key.ts: \${} --service-account-key \${} --replace-key --yes
instance-locks.ts: df -h \${}
write-file.ts: df -h \${}
write-file.ts: ls -l \${}
`;

/** Commands of macOS and Windows, which the tests do not run on; their texts are tested beside their code. */
const otherPlatform = `
environment-check.ts: Remove-Item \${}
network-checks.ts: nslookup
authenticate-pipe.ts: another user may have taken the name of the pipe: find and end that program, then start iam-tokend
listening-user.ts: \${}lsof -nP -iTCP:\${} -sTCP:LISTEN
listening-user.ts: netstat -ano -p tcp | findstr :\${}
paths.ts: use a name such as \\\\.\\pipe\\iam-tokend-me
windows-task.ts: install iam-tokend and Node in folders with plain names
keychain-problems.ts: npm install --global iam-tokend
`;

/** Commands that install, start or remove a service: `test/slow/service` and `test/slow/system-service.test.ts` run them. */
const service = `
answer-start-failure.ts: sudo journalctl --unit iam-tokend.service --lines 20
watched-sockets.ts: systemctl restart iam-tokend.socket
client-files.ts: iam-token install
client-files.ts: iam-token install --client-only
install.ts: correct \${}, then run: iam-token install\${}
install.ts: iam-token login --socket \${} --service-account-key FILE
install.ts: if you remove this version of Node, run: iam-token install\${}
install.ts: usermod --append --groups iam-tokend NAME
install.ts: iam-token install --yc
require-service-socket.ts: without --socket: iam-token install\${}
require-service-socket.ts: without a service: iam-tokend --socket \${}
require-service-socket.ts: unset IAM_TOKEND_SOCKET
install.ts: with the system's Node: npm install --global iam-tokend
install.ts: unpack iam-tokend below /opt
native-link.ts: ln -sf \${} \${}
save-proxy-settings.ts: iam-token install
shims.ts: mv \${} \${}.old && \${}
uninstall.ts: iam-token uninstall --purge
uninstall.ts: rm \${}
current-service.ts: for your own user, without sudo: iam-token install
for all users: iam-token install --system
current-service.ts: iam-tokend --config \${} &
current-service.ts: sudo iam-token \${} --system
daemon-checks.ts: if you remove this version of Node, run: \${}
environment-check.ts: systemctl \${} unset-environment \${}
prepare-socket.ts: install -d -m 0750 -g iam-tokend \${}
prepare-socket.ts: systemctl start iam-tokend.socket
service-manager.ts: iam-token install
service-manager.ts: sudo iam-token install --system
service-sandbox.ts: systemd-run\${} --wait --pipe --property=\${}=\${} iam-token
service-sandbox.ts: mkdir -p \${} && \${} >\${}/iam-tokend.conf && systemctl --user daemon-reload && systemctl --user restart \${}
service-sandbox.ts: sudo mkdir -p \${} && \${} | sudo tee \${}/iam-tokend.conf && sudo systemctl daemon-reload && sudo systemctl restart \${}
explain-unreachable.ts: sudo systemctl restart iam-tokend.socket
explain-unreachable.ts: sudo iam-token install --system
explain-unreachable.ts: sudo loginctl enable-linger \${}
explain-unreachable.ts: sudo -u \${} iam-token
explain-unreachable.ts: iam-token --socket \${}
explain-unreachable.ts: newgrp \${}
explain-unreachable.ts: sudo usermod --append --groups \${} \${}
file-store-problems.ts: add LoadCredential=\${}:PATH to the unit: systemctl --user edit iam-tokend
file-store-problems.ts: for a system-wide daemon: systemctl edit iam-tokend
file-store-problems.ts: upgrade: npm install --global iam-tokend && iam-token install
key-file.ts: create a key, and name PATH in LoadCredential=: (umask 077; head -c 32 /dev/urandom > PATH)
`;

/** Commands for a keychain, whose window or service a test would have to be: `test/e2e/stores` and `test/slow/desktop-keychains.test.ts`. */
const keychain = `
profile-problems.ts: {the renewed credential is only in memory and is lost when the daemon stops; to store it | unlock}
purge.ts: iam-token uninstall --purge
purge.ts: iam-tokend --store keychain --purge
purge.ts: if there is no keychain: rm -r \${}
purge.ts: once the keychain is available: iam-token uninstall --purge
leftover-slots.ts: to remove it (stop this daemon when status shows no leftovers, and start it as before): iam-token stop; iam-tokend --store \${}
leftover-slots.ts: {or now | unlock}
keychain-problems.ts: \${}apt-get install gnome-keyring
keychain-problems.ts: \${}apt-get install libsecret-1-0
keychain-problems.ts: restart it: gnome-keyring-daemon --replace
keychain-problems.ts: {confirm it | unlock}
keychain-problems.ts: {create one in a desktop session | login}
keychain-problems.ts: {to write pending changes, now or after a restart | unlock}
keychain-problems.ts: {unlock it without one | unlock}
keychain-problems.ts: {unlock it | unlock}
keychain-problems.ts: {unlock}
`;

/** States that take more than a test may: a full store of 4 MiB, a disk that hangs, an account of another user. */
const tooCostly = `
secret-file.ts: ls -l \${}
dial.ts: see its owner and mode: ls -l \${}
file-store-problems.ts: df \${}
file-store-problems.ts: remove an unused profile: iam-token logout --profile NAME
`;

/** Commands outside this project: of the cloud, with an account in it. */
const cloud = `
routes.ts: {login | --cloud-id ID --folder-id ID}
key-file-text.ts: yc iam key create --service-account-id ID -o key.json
key-management.ts: yc iam service-account add-access-binding \${} --role \${} --subject serviceAccount:\${}
key-management.ts: delete keys that are not in use: yc iam key list --service-account-id \${}
`;

/** A line break within a hint is followed by a line without a file name. */
function linesOf(text: string): readonly string[] {
  return text.trim().split(/\n(?=[\w-]+\.ts: )/);
}

export const untypedHints: readonly string[] = [
  advice,
  sameCommand,
  otherPlatform,
  service,
  keychain,
  tooCostly,
  cloud,
].flatMap(linesOf);
