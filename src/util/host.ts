// Names for this host and its processes that mean the same only where a process can be asked whether it lives. A hostname alone does not:
// containers and cloned machines share them, and a process number belongs to one boot and one pid namespace.

import { createHash } from "node:crypto";
import { readFileSync, readlinkSync } from "node:fs";
import { hostname } from "node:os";

/** What the system tells of where we are; "" where it does not. */
export interface Whereabouts {
  readonly host: string;
  /** Of the installed system. */
  readonly machineId: string;
  readonly boot: string;
  readonly pidNamespace: string;
}

/** The pid namespace that a machine boots with has this name in every Linux; those of containers have others, which may come again. */
const firstNamespace = "pid:[4026531836]";

let tag: string | undefined;

/** Of the machine, then of its boot, each eight hex digits: another boot of this machine is told from another machine. */
export function hostTag(): string {
  return (tag ??= tagOf({
    host: hostname(),
    machineId: textOf(() => readFileSync("/etc/machine-id", "utf8").trim()),
    boot: textOf(() => readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim()),
    pidNamespace: textOf(() => readlinkSync("/proc/self/ns/pid")),
  }));
}

/** In a container, or without an id of the machine, no other boot is known for one of this machine: it could be another's. */
export function tagOf({ host, machineId, boot, pidNamespace }: Whereabouts): string {
  const isSureOfMachine = machineId !== "" && pidNamespace === firstNamespace;
  const machine = isSureOfMachine ? [host, machineId] : [host, machineId, boot, pidNamespace];
  return shortHash(machine) + shortHash([boot]);
}

function shortHash(parts: readonly string[]): string {
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex").slice(0, 8);
}

/** Names this process among those of all hosts that share a disk: `<host tag>-<pid>`. */
export function processTag(): string {
  return `${hostTag()}-${process.pid}`;
}

/** What is known of the process of a `processTag`. One of another host cannot be asked. */
export function lifeOf(owner: string): "running" | "ended" | "elsewhere" {
  const [, machine, boot, pid] = /^([0-9a-f]{8})([0-9a-f]{8})-(\d+)$/.exec(owner) ?? [];
  if (machine !== hostTag().slice(0, 8)) return "elsewhere";
  return boot === hostTag().slice(8) && isRunning(Number(pid)) ? "running" : "ended";
}

/** Whether the process of a `processTag` has ended for certain. */
export function hasEnded(owner: string): boolean {
  return lifeOf(owner) === "ended";
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
