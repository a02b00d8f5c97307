// Who runs this: the user's name as the system knows it, and the host.

import { hostname, userInfo } from "node:os";

/** `user@host`. */
export function who(): string {
  return `${userName()}@${hostname()}`;
}

/** A user without an entry among the system's users, as in many containers, goes by number. */
export function userName(): string {
  try {
    return userInfo().username;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).syscall !== "uv_os_get_passwd") throw error;
    return `uid${process.getuid?.() ?? ""}`;
  }
}
