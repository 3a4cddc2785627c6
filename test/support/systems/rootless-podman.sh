#!/usr/bin/env bash
# rootless-podman.sh HOME UID COMMANDS: runs shell commands as a user who may use podman, in a private user database and
# with cgroup 2 alone, on a machine with any. Requires root. HOME/rootfs becomes the root of containers, which
# need `-v /usr:/usr:ro --rootfs HOME/rootfs`.
set -euo pipefail
[ -n "${INSIDE:-}" ] || exec env INSIDE=1 unshare --mount --propagation private bash "$0" "$@"
home=$1 uid=$2 commands=$3 name=iam-tokend-test

etc=$(mktemp -d)
chmod 755 "$etc"
{ cat /etc/passwd; echo "$name:x:$uid:$uid::$home:/bin/sh"; } >"$etc/passwd"
{ cat /etc/group; echo "$name:x:$uid:"; } >"$etc/group"
for file in subuid subgid; do echo "$name:2000000:65536" >"$etc/$file"; done
for file in passwd group subuid subgid; do mount --bind "$etc/$file" /etc/$file; done
rm -r "$etc"
umount --recursive --lazy /sys/fs/cgroup
mount -t cgroup2 cgroup2 /sys/fs/cgroup
mount --make-rshared /

mkdir -p "$home"/rootfs/{usr,run,tmp,etc,proc,sys,dev} "$home/.config/containers"
for link in bin lib lib64 sbin; do ln -sfn usr/$link "$home/rootfs/$link"; done
# The user owns no cgroup here.
printf '[containers]\ncgroups = "disabled"\n[engine]\ncgroup_manager = "cgroupfs"\n' >"$home/.config/containers/containers.conf"
chown -R "$uid:$uid" "$home/rootfs" "$home/.config"

status=0
setpriv --reuid="$uid" --regid="$uid" --clear-groups env --chdir="$home" HOME="$home" bash -e -o pipefail -c "$commands" || status=$?
# podman's process that holds the namespaces.
pause="$XDG_RUNTIME_DIR/libpod/tmp/pause.pid"
if [ -f "$pause" ]; then kill "$(cat "$pause")"; fi
exit $status
