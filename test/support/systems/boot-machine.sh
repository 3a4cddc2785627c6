#!/usr/bin/env bash
# boot-machine.sh FOLDER: boots Debian (PID 1, logind, journald) from a temporary overlay of this machine's root, with
# FOLDER as /opt/iam-tokend. Requires root, systemd-container and a writable cgroup2. The network is this machine's.
# Prints `ready PID` with the id of its PID 1 when it runs. For each line of stdin it waits for the shutdown and boots
# again with the same disk. Removes everything at the end of stdin.
set -euo pipefail
[ -n "${INSIDE:-}" ] || exec env INSIDE=1 unshare --mount --propagation private bash "$0" "$@"
folder=$1 name=iam-tokend-boot-$$

disk=$(mktemp --directory)
mount -t tmpfs tmpfs "$disk"
mkdir "$disk"/{up,work,root}
mount -t overlay overlay -o "lowerdir=/,upperdir=$disk/up,workdir=$disk/work" "$disk/root"
: >"$disk/root/etc/machine-id"
rm -f "$disk/root/etc/resolv.conf"
# A service of a package that other tests use.
ln -sf /dev/null "$disk/root/etc/systemd/system/prometheus.service"
# nspawn requires /run; the contents of this machine's stay hidden.
mount -t tmpfs -o mode=755 tmpfs /run

cgroups=/sys/fs/cgroup/unified # if both versions are mounted
[ -d $cgroups ] || cgroups=/sys/fs/cgroup
group=$cgroups/$name
mkdir "$group"

# Degraded is up as well: a service of another package may fail. systemctl exits with 1 then.
is_up() {
  case $(nsenter --target="$1" --mount --pid systemctl is-system-running 2>/dev/null) in
    running | degraded) ;;
    *) return 1 ;;
  esac
}

machine=
boot() {
  (
    echo $BASHPID >"$group/cgroup.procs"
    exec env SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1 systemd-nspawn --quiet --directory="$disk/root" --boot --register=no \
      --keep-unit --machine="$name" --console=pipe --kill-signal=SIGRTMIN+3 --bind="$folder:/opt/iam-tokend" >"$disk/boot.log" 2>&1 </dev/null
  ) &
  machine=$!
  while kill -0 $machine 2>/dev/null; do
    init=$(cat "/proc/$machine/task/$machine/children" 2>/dev/null | tr -d ' ') || true
    if [ -n "$init" ] && is_up "$init"; then
      echo "ready $init"
      return
    fi
    sleep .05
  done
  cat "$disk/boot.log" >&2
}

boot
while read -r _; do
  wait $machine || true
  boot
done
kill $machine 2>/dev/null || true
for _ in $(seq 100); do
  kill -0 $machine 2>/dev/null || break
  sleep .05
done
echo 1 >"$group/cgroup.kill" 2>/dev/null || true
for _ in $(seq 100); do
  find "$group" -depth -type d -exec rmdir {} + 2>/dev/null || true
  [ -d "$group" ] || break
  sleep .02
done
umount "$disk/root" "$disk" 2>/dev/null || umount --lazy "$disk"
rmdir "$disk"
