// Processes of this machine, by group and by the environment that they were given: ended, counted. Where there is no /proc, by group only.

import { readdirSync, readFileSync } from "node:fs";
import { hasCode } from "../../../util/fs.ts";

const pageMiB = 4096 / 2 ** 20;

export function endGroup(leader: number): void {
  end(-leader);
}

export interface EndedProcess {
  readonly program: string;
  /** Its process group; undefined: it was gone already. */
  readonly group: number | undefined;
}

/**
 * Ends every process whose environment names a path in `folder`, and tells which those were. A process that has left its group
 * (`setsid`) is found so: each worker's HOME and TMPDIR lie in a folder of its own, and what it starts inherits them.
 */
export function endThoseOf(folder: string): readonly EndedProcess[] {
  const ended = new Map<string, EndedProcess>();
  // As `textOf` reads it.
  const mark = Buffer.from(`=${folder}/`, "utf8").toString("latin1");
  // Again until there is no other: one may have started another while we looked.
  for (let known = -1; known < ended.size;) {
    known = ended.size;
    for (const pid of pids()) {
      if (ended.has(pid) || textOf(pid, "environ")?.includes(mark) !== true) continue;
      ended.set(pid, { program: textOf(pid, "comm")?.trim() ?? "?", group: groupOf(pid) });
      end(Number(pid));
    }
  }
  return [...ended.values()];
}

/** Resident memory of process groups by their leaders, MiB. Shared pages count once a process: an upper bound. */
export function groupsMemoryMiB(leaders: readonly number[]): ReadonlyMap<number, number> {
  const used = new Map(leaders.map((leader) => [leader, 0]));
  for (const pid of pids()) {
    const fields = statOf(pid);
    const known = used.get(Number(fields[2]));
    if (known !== undefined) used.set(Number(fields[2]), known + Number(fields[21]) * pageMiB);
  }
  return used;
}

/** The fields after the command's name, which may itself hold spaces and brackets. */
function statOf(pid: string): readonly string[] {
  return (textOf(pid, "stat") ?? "").replace(/^.*\) /s, "").split(" ");
}

function groupOf(pid: string): number | undefined {
  const group = statOf(pid)[2];
  return group === undefined ? undefined : Number(group);
}

function pids(): readonly string[] {
  if (process.platform !== "linux") return [];
  try {
    return readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  } catch (error) {
    // Too many files are open, say: whoever looks once a second has more luck the next time.
    if (hasCode(error, "EMFILE") || hasCode(error, "ENFILE")) return [];
    throw error;
  }
}

/** Undefined: it has ended while we looked, or is another user's. */
function textOf(pid: string, name: string): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/${name}`, "latin1");
  } catch {
    return undefined;
  }
}

function end(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    // Gone, or become another user's: no more of ours either way.
    if (!hasCode(error, "ESRCH") && !hasCode(error, "EPERM")) throw error;
  }
}
