// Locks as leases: a file that its holder rewrites every few seconds. A holder on this host that has died is seen at once;
// one elsewhere is judged by this machine's own monotonic clock, never by the times that others wrote.
//
//   lock         whose it is; removed by its holder, or by who breaks it
//   lock.break   one breaks at a time: two who judged the same dead holder must not remove the lease of a third

import { randomBytes, randomUUID } from "node:crypto";
import { existsSync, linkSync, readFileSync, renameSync, rmSync, writeFileSync, type BigIntStats } from "node:fs";
import { hostname } from "node:os";
import { hasCode, readTextIfThere, removeFile, temporaryName, withFolder, writeAtomic } from "../util/fs.ts";
import { hostTag, isRunning } from "../util/host.ts";
import { statOf, statText, type StatText } from "../util/stat.ts";
import { userName } from "../util/who.ts";

interface LeaseText {
  readonly id: string;
  readonly host: string;
  /** Where its process can be asked: the `hostTag`. The name of the host is for people. */
  readonly machine: string;
  readonly pid: number;
  /** When the process started, in clock ticks since boot: tells a holder from a later process with its pid. */
  readonly started: string;
  readonly user: string;
  readonly what: string;
  readonly beat: number;
}

const beatMs = 3_000;
const deadAfterMs = 30_000;
/** A build of ten thousand actions asks as often whether it holds its run: for so long after it was read, the file is only looked at. */
const statCountsMs = 20;
/** Whoever makes a lease where there are no hard links has written it whole within a moment. */
const tornAfterMs = 2_000;
/** Breaking a lease takes a moment: who takes longer has died at it. */
const brokenOffAfterMs = 3_000;

/** What does not change while the process lives is asked for once: a build of ten thousand actions takes as many leases. */
let self: Omit<LeaseText, "id" | "what" | "beat"> | undefined;

function whoWeAre(): NonNullable<typeof self> {
  const { pid } = process;
  return { host: hostname(), machine: hostTag(), pid, started: startOf(pid), user: userName() };
}

/** Stands for a file that holds no lease. */
const torn: LeaseText = { id: "", host: "?", machine: "", pid: 0, started: "", user: "?", what: "?", beat: 0 };

export class Lease {
  readonly #file: string;
  readonly #text: LeaseText;
  #beats = 0;
  #timer: NodeJS.Timeout;
  /** The file as it was when it was read last and was ours, and when that was: milliseconds since 1970. */
  #seen: StatText | undefined;
  #readAt = -Infinity;

  private constructor(file: string, text: LeaseText) {
    this.#file = file;
    this.#text = text;
    this.#timer = setInterval(() => this.#beat(), beatMs);
    this.#timer.unref();
  }

  /** Takes the lease, or says by undefined that somebody has it. */
  static tryTake(file: string, what: string): Lease | undefined {
    const text: LeaseText = {
      id: randomUUID(),
      ...(self ??= whoWeAre()),
      what,
      beat: 0,
    };
    const before = Date.now();
    if (!create(file, text)) return undefined;
    const lease = new Lease(file, text);
    try {
      const stat = statOf(file);
      const sinceMs = Date.now() - before;
      // Who was stopped in between, for however long, does not know whose it is.
      if (sinceMs >= 0 && sinceMs < statCountsMs) lease.#noteSeen(stat);
    } catch (error) {
      // It is read when somebody asks for it.
      if (!isOfSystem(error)) throw error;
    }
    return lease;
  }

  /** Takes the lease, waiting for its holder; `onWait` is told once who that is. Undefined if `signal` is aborted meanwhile. */
  static async take(
    file: string,
    what: string,
    options: { readonly onWait: (holder: string) => void; readonly signal: AbortSignal },
  ): Promise<Lease | undefined> {
    let told = false;
    const watches = { holder: new Watch(), breaker: new Watch() };
    while (!options.signal.aborted) {
      const lease = Lease.tryTake(file, what);
      if (lease !== undefined) return lease;
      const holder = read(file);
      const hasDied = holder !== undefined && isDead(holder, watches.holder);
      if (hasDied && breakLease(file, holder, watches.breaker)) continue;
      if (holder !== undefined && !hasDied && !told && holder.host !== torn.host) {
        told = true;
        options.onWait(wordsOf(holder));
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    return undefined;
  }

  /** Whether the lease is still ours: to be asked before each commit, because a sleeping laptop's lease may have been taken over. */
  isHeld(): boolean {
    const stat = statOf(this.#file);
    const seen = stat === undefined ? undefined : statText(stat);
    // The stat alone is not enough: a network's file system may remember it. The clock of the day goes on while a laptop sleeps.
    const sinceMs = Date.now() - this.#readAt;
    if (seen !== undefined && seen === this.#seen && sinceMs >= 0 && sinceMs < statCountsMs) return true;
    if (read(this.#file)?.id !== this.#text.id) return false;
    this.#noteSeen(stat);
    return true;
  }

  #noteSeen(stat: BigIntStats | undefined): void {
    this.#seen = stat && statText(stat);
    this.#readAt = Date.now();
  }

  release(): void {
    clearInterval(this.#timer);
    if (this.isHeld()) removeFile(this.#file);
  }

  /** A beat that cannot be written is left out: the disk may have room again by the next, and ten may be missed. */
  #beat(): void {
    try {
      const holder = read(this.#file);
      if (holder?.id === this.#text.id) writeAtomic(this.#file, JSON.stringify({ ...this.#text, beat: ++this.#beats }));
      // Only another holder ends it: a file that is away or torn may be ours again at the next beat.
      else if (holder !== undefined && holder.host !== torn.host) clearInterval(this.#timer);
    } catch (error) {
      if (!isOfSystem(error)) throw error;
    }
  }
}

/** Who holds a lease. */
export interface Holder {
  readonly id: string;
  /** Its `processTag`. */
  readonly process: string;
  /** For people: user, host, process, and what it does. */
  readonly words: string;
}

/** The holders that live. Of another machine's it waits for a heartbeat, or until it has missed so many that it is dead. */
export async function livingHolders(files: readonly string[]): Promise<readonly Holder[]> {
  const living: Holder[] = [];
  const asked = files.map((file) => ({ file, watch: new Watch(), first: read(file) }));
  for (let left = asked; left.length > 0;) {
    left = left.filter(({ file, watch, first }) => {
      const holder = read(file);
      if (first === undefined || holder?.id !== first.id || isDead(holder, watch)) return false;
      if (holder.machine !== hostTag() && holder.beat === first.beat) return true;
      living.push({ id: holder.id, process: `${holder.machine}-${holder.pid}`, words: wordsOf(holder) });
      return false;
    });
    if (left.length > 0) await new Promise((resolve) => setTimeout(resolve, 200));
  }
  return living;
}

function wordsOf({ user, host, pid, what }: LeaseText): string {
  return `${user}@${host}, process ${pid} (${what})`;
}

/** By a link of a file that is already whole: of several who try, one succeeds, also on network file systems. */
function create(file: string, text: LeaseText): boolean {
  const whole = temporaryName(file);
  withFolder(whole, () => writeFileSync(whole, JSON.stringify(text)));
  try {
    linkSync(whole, file);
    return true;
  } catch (error) {
    if (hasCode(error, "EEXIST")) return false;
    if (!isWithoutLinks(error)) throw error;
    return createExclusively(file, JSON.stringify(text));
  } finally {
    removeFile(whole);
  }
}

/** False: there is one. Where there are no hard links, a lease is made so too. */
function createExclusively(file: string, text: string): boolean {
  try {
    writeFileSync(file, text, { flag: "wx" });
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

/** False: another is at it. */
function breakLease(file: string, dead: LeaseText, watch: Watch): boolean {
  const breaking = `${file}.break`;
  const id = `${randomBytes(8).toString("hex")} ${hostTag()} ${process.pid} ${startOf(process.pid)}`;
  if (!createExclusively(breaking, id)) {
    const other = readTextIfThere(breaking);
    const isBrokenOff = other !== undefined && (hasDiedBreaking(other) || watch.unchangedMs(other) > brokenOffAfterMs);
    if (isBrokenOff) rmSync(breaking, { force: true });
    return false;
  }
  try {
    // Whoever broke it before us may have taken it already; or its holder has woken up.
    const now = read(file);
    if (now?.id === dead.id && now.beat === dead.beat) removeLease(file, dead);
    return true;
  } finally {
    if (readTextIfThere(breaking) === id) rmSync(breaking, { force: true });
  }
}

/** Whether the process that wrote this into `lock.break` is one of this host, and gone. */
function hasDiedBreaking(text: string): boolean {
  const [, machine, pid, started] = text.split(" ");
  return started !== undefined && machine === hostTag() && startOf(Number(pid)) !== started;
}

/** Moves it away under a name of its own first, so that a lease that was taken in this very moment is not removed. */
function removeLease(file: string, dead: LeaseText): void {
  const aside = temporaryName(file);
  try {
    renameSync(file, aside);
  } catch (error) {
    if (hasCode(error, "ENOENT")) return;
    throw error;
  }
  if (read(aside)?.id !== dead.id) putBack(aside, file);
  rmSync(aside, { force: true });
}

function putBack(aside: string, file: string): void {
  try {
    linkSync(aside, file);
  } catch (error) {
    // Taken again meanwhile: its holder sees that at its next commit.
    if (hasCode(error, "EEXIST")) return;
    if (!isWithoutLinks(error)) throw error;
    if (!existsSync(file)) renameSync(aside, file);
  }
}

/** FAT says that it is not permitted, network file systems that it is not supported, FUSE that there is no such call, others that one name is enough. */
function isWithoutLinks(error: unknown): boolean {
  return ["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EMLINK"].some((code) => hasCode(error, code));
}

/** The disk is full, or was taken away for a moment: what the system says, and no mistake of ours. */
function isOfSystem(error: unknown): boolean {
  return error instanceof Error && (error as NodeJS.ErrnoException).syscall !== undefined;
}

function isDead(holder: LeaseText, watch: Watch): boolean {
  if (holder.machine === hostTag()) return startOf(holder.pid) !== holder.started;
  const limitMs = holder.host === torn.host ? tornAfterMs : deadAfterMs;
  return watch.unchangedMs(`${holder.id}/${holder.beat}`) > limitMs;
}

/** How long something has been as it is, by this machine's monotonic clock. */
class Watch {
  #seen: string | undefined;
  #since = 0n;

  unchangedMs(state: string): number {
    const now = process.hrtime.bigint();
    if (state !== this.#seen) [this.#seen, this.#since] = [state, now];
    return Number(now - this.#since) / 1_000_000;
  }
}

/** Start time of a process of this host: "" when there is none. Where /proc is missing, "alive" stands for it. */
function startOf(pid: number): string {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8")
      .replace(/^.*\) /s, "")
      .split(" ");
    // A zombie has died; only its parent has not looked yet.
    return fields[0] === "Z" || fields[0] === "X" ? "" : (fields[19] ?? "");
  } catch (error) {
    if (process.platform === "linux") return "";
    if (!hasCode(error, "ENOENT")) throw error;
  }
  return isRunning(pid) ? "alive" : "";
}
