// Locks as leases: a file that its holder rewrites every few seconds. A holder on this host that has died is seen at once;
// one elsewhere is judged by this machine's own monotonic clock, never by the times that others wrote.

import { randomBytes } from "node:crypto";
import { closeSync, linkSync, mkdirSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { hostname, userInfo } from "node:os";
import { dirname } from "node:path";
import { hasCode, readTextIfThere, temporaryName, writeAtomic } from "../util/fs.ts";

interface LeaseText {
  readonly id: string;
  readonly host: string;
  readonly pid: number;
  /** When the process started, in clock ticks since boot: tells a holder from a later process with its pid. */
  readonly started: string;
  readonly user: string;
  readonly what: string;
  readonly beat: number;
}

const beatMs = 3_000;
const deadAfterMs = 30_000;
/** Whoever makes a lease where there are no hard links has written it whole within a moment. */
const tornAfterMs = 2_000;

/** Stands for a file that holds no lease. */
const torn: LeaseText = { id: "", host: "?", pid: 0, started: "", user: "?", what: "?", beat: 0 };

export class Lease {
  readonly #file: string;
  readonly #text: LeaseText;
  #beats = 0;
  #timer: NodeJS.Timeout;

  private constructor(file: string, text: LeaseText) {
    this.#file = file;
    this.#text = text;
    this.#timer = setInterval(() => this.#beat(), beatMs);
    this.#timer.unref();
  }

  /** Takes the lease, waiting for its holder; `onWait` is told once who that is. Undefined if `signal` is aborted meanwhile. */
  static async take(file: string, what: string, options: { readonly onWait: (holder: string) => void; readonly signal: AbortSignal }): Promise<Lease | undefined> {
    let told = false;
    const watch = new HolderWatch();
    while (!options.signal.aborted) {
      const text: LeaseText = { id: randomBytes(8).toString("hex"), host: hostname(), pid: process.pid, started: startOf(process.pid), user: userInfo().username, what, beat: 0 };
      if (create(file, text)) return new Lease(file, text);
      const holder = read(file);
      if (holder !== undefined && watch.isDead(holder)) {
        breakLease(file, holder);
        continue;
      }
      if (holder !== undefined && !told && holder.host !== torn.host) {
        told = true;
        options.onWait(`${holder.user}@${holder.host}, process ${holder.pid} (${holder.what})`);
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    return undefined;
  }

  /** Whether the lease is still ours: to be asked before each commit, because a sleeping laptop's lease may have been taken over. */
  isHeld(): boolean {
    return read(this.#file)?.id === this.#text.id;
  }

  release(): void {
    clearInterval(this.#timer);
    if (this.isHeld()) rmSync(this.#file, { force: true });
  }

  #beat(): void {
    if (this.isHeld()) writeAtomic(this.#file, JSON.stringify({ ...this.#text, beat: ++this.#beats }));
    else clearInterval(this.#timer);
  }
}

/** By a link of a file that is already whole: of several who try, one succeeds, also on network file systems. */
function create(file: string, text: LeaseText): boolean {
  mkdirSync(dirname(file), { recursive: true });
  const whole = temporaryName(file);
  writeFileSync(whole, JSON.stringify(text));
  try {
    linkSync(whole, file);
    return true;
  } catch (error) {
    if (hasCode(error, "EEXIST")) return false;
    if (!hasCode(error, "EPERM") && !hasCode(error, "ENOTSUP") && !hasCode(error, "EOPNOTSUPP")) throw error;
    return createExclusively(file, text);
  } finally {
    rmSync(whole, { force: true });
  }
}

/** Where there are no hard links. */
function createExclusively(file: string, text: LeaseText): boolean {
  try {
    const fd = openSync(file, "wx");
    writeFileSync(fd, JSON.stringify(text));
    closeSync(fd);
    return true;
  } catch (error) {
    if (hasCode(error, "EEXIST")) return false;
    throw error;
  }
}

function read(file: string): LeaseText | undefined {
  const text = readTextIfThere(file);
  if (text === undefined) return undefined;
  try {
    const parsed = JSON.parse(text) as Partial<LeaseText> | null;
    if (typeof parsed?.id === "string" && typeof parsed.host === "string") return parsed as LeaseText;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  // By a power loss, or by a process that died without hard links to help it.
  return { ...torn, id: text };
}

/** Moves the dead lease away under a name of its own first, so that a lease taken meanwhile is not removed. */
function breakLease(file: string, dead: LeaseText): void {
  const aside = temporaryName(file);
  try {
    renameSync(file, aside);
  } catch (error) {
    if (hasCode(error, "ENOENT")) return;
    throw error;
  }
  const moved = read(aside);
  if (moved !== undefined && moved.id !== dead.id && !existsNow(file)) linkSync(aside, file);
  rmSync(aside, { force: true });
}

function existsNow(file: string): boolean {
  try {
    readFileSync(file);
    return true;
  } catch {
    return false;
  }
}

class HolderWatch {
  #seen: string | undefined;
  #since = 0n;

  isDead(holder: LeaseText): boolean {
    if (holder.host === hostname()) return startOf(holder.pid) !== holder.started;
    const limitMs = holder.host === torn.host ? tornAfterMs : deadAfterMs;
    const state = `${holder.id}/${holder.beat}`;
    const now = process.hrtime.bigint();
    if (state !== this.#seen) [this.#seen, this.#since] = [state, now];
    return now - this.#since > BigInt(limitMs) * 1_000_000n;
  }
}

/** Start time of a process of this host: "" when there is none. Where /proc is missing, "alive" stands for it. */
function startOf(pid: number): string {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8").replace(/^.*\) /s, "").split(" ");
    // A zombie has died; only its parent has not looked yet.
    return fields[0] === "Z" || fields[0] === "X" ? "" : (fields[19] ?? "");
  } catch (error) {
    if (process.platform === "linux") return "";
    if (!hasCode(error, "ENOENT")) throw error;
  }
  try {
    process.kill(pid, 0);
    return "alive";
  } catch (error) {
    return hasCode(error, "EPERM") ? "alive" : "";
  }
}
