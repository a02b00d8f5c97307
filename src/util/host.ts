// Names for this host and its processes that mean the same only where a process can be asked whether it lives. A hostname alone does not:
// containers and cloned machines share them, and a process number belongs to one boot and one pid namespace.

import { createHash } from "node:crypto";
import { readFileSync, readlinkSync } from "node:fs";
import { hostname } from "node:os";

let tag: string | undefined;

/** Eight hex digits: of the hostname, and of the boot and the pid namespace where the system tells them. */
export function hostTag(): string {
  const parts = () => [
    hostname(),
    textOf(() => readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim()),
    textOf(() => readlinkSync("/proc/self/ns/pid")),
  ];
  return (tag ??= createHash("sha256").update(JSON.stringify(parts())).digest("hex").slice(0, 8));
}

/** Names this process among those of all hosts that share a disk: `<host tag>-<pid>`. */
export function processTag(): string {
  return `${hostTag()}-${process.pid}`;
}

/** Whether the process of a `processTag` has ended for certain: one of another host never has, as far as we can know. */
export function hasEnded(owner: string): boolean {
  const [host, pid] = owner.split("-");
  return host === hostTag() && pid !== undefined && /^\d+$/.test(pid) && !isRunning(Number(pid));
}

/** Of a process of this host. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== "ESRCH";
  }
}

/** Not every system has /proc, and not every one lets it be read. */
function textOf(read: () => string): string {
  try {
    return read();
  } catch {
    return "";
  }
}
