/** Fields about the process of the daemon, in `status`. */
import * as v from 'valibot';

/** What starts and restarts the daemon; newer daemons may name other kinds. */
export const serviceManager = () =>
  v.object({
    /** `systemd --user`, `systemd` or `launchd`. */
    kind: v.string(),
    /** The daemon's name there, such as `iam-tokend.service`. */
    unit: v.string(),
  });

/** What the kernel enforces; newer daemons may name other values. */
export const protection = () =>
  v.object({
    /** `own uid`: this user and root only. `own uid, and guests`: others may request tokens. `not enforced`. */
    peers: v.string(),
    /** `closed`: debuggers of the same user cannot attach. `not enforced`. */
    memory: v.string(),
  });
