#!/usr/bin/env bash
# user-systemd.sh HOME UID: runs a real `systemd --user` with its own journal, for a user in a private user database, on
# a machine with any PID 1. Requires root and a writable cgroup2.
# Prints `ready PID` when it runs, with the id of a process in its mount namespace. Removes everything at the end of stdin.
set -euo pipefail
[ -n "${INSIDE:-}" ] || exec env INSIDE=1 unshare --mount --propagation private bash "$0" "$@"
home=$1 uid=$2 name=iam-tokend-test runtime=/run/user/$2

users=$(mktemp)
{ cat /etc/passwd; echo "$name:x:$uid:$uid::$home:/bin/sh"; } >"$users"
chmod 644 "$users"
mount --bind "$users" /etc/passwd
rm "$users"
mount -t tmpfs -o mode=755 tmpfs /run
# The first is checked by sd_booted(3); the second contains the root of sandboxed units.
mkdir -p /run/systemd/system /run/systemd/unit-root /run/systemd/journal /run/user
install -d -m 700 -o "$uid" -g "$uid" "$runtime"

cgroups=/sys/fs/cgroup/unified # if both versions are mounted
[ -d $cgroups ] || cgroups=/sys/fs/cgroup
group=$cgroups/$name-$$
mkdir -p "$group/manager"
chown -R "$uid:$uid" "$group"

/lib/systemd/systemd-journald 2>/dev/null &
journal=$!
until [ -S /run/systemd/journal/stdout ] || ! kill -0 $journal 2>/dev/null; do sleep .02; done

as_user() {
  setpriv --reuid="$uid" --regid="$uid" --clear-groups env --ignore-environment --chdir="$home" \
    HOME="$home" USER=$name LOGNAME=$name SHELL=/bin/sh LANG=C.UTF-8 PATH=/usr/local/bin:/usr/bin:/bin \
    XDG_RUNTIME_DIR="$runtime" DBUS_SESSION_BUS_ADDRESS="unix:path=$runtime/bus" "$@"
}
(
  echo $BASHPID >"$group/manager/cgroup.procs"
  as_user /lib/systemd/systemd --user --log-target=journal >/dev/null 2>&1
) &
manager=$!
until as_user systemctl --user is-system-running 2>/dev/null | grep -qE 'running|degraded' || ! kill -0 $manager 2>/dev/null; do
  sleep .02
done
if kill -0 $manager 2>/dev/null; then echo "ready $$"; fi
while read -r _; do :; done

as_user systemctl --user exit 2>/dev/null || true
for _ in $(seq 100); do
  kill -0 $manager 2>/dev/null || break
  sleep .02
done
echo 1 >"$group/cgroup.kill" 2>/dev/null || true
kill $journal 2>/dev/null || true
for _ in $(seq 100); do
  find "$group" -depth -type d -exec rmdir {} + 2>/dev/null || true
  [ -d "$group" ] || break
  sleep .02
done
