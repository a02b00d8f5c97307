// What Slurm's programs print, read: states of batches in the queue, and how those ended that have left it. Text in, facts out.

/** One batch, as the queue or the accounting knows it. */
export interface BatchState {
  /** In Slurm's words: PENDING, RUNNING, TIMEOUT, … */
  readonly state: string;
  readonly node: string | undefined;
  /** Slurm's reason, if it gives one: "Priority", "NonZeroExitCode". */
  readonly reason: string | undefined;
  /** `0:9`: its exit code, and the signal that ended it. */
  readonly exitCode?: string;
  /** MiB that it was given, if that is known. */
  readonly memoryMiB?: number;
  /** Minutes that it was given. */
  readonly minutes?: number;
}

/** States by batch number. */
export type BatchStates = ReadonlyMap<number, BatchState>;

const live: ReadonlySet<string> = new Set([
  ...["PENDING", "CONFIGURING", "RUNNING", "COMPLETING", "SUSPENDED", "STOPPED", "SIGNALING", "STAGE_OUT"],
  ...["REQUEUED", "REQUEUE_FED", "REQUEUE_HOLD", "RESIZING", "SPECIAL_EXIT", "RESV_DEL_HOLD"],
]);

/** Whether it may still write results. */
export function isLive({ state }: BatchState): boolean {
  return live.has(state);
}

export function isWaiting({ state }: BatchState): boolean {
  return state === "PENDING" || state === "CONFIGURING" || state.startsWith("REQUEUE");
}

/** `squeue -h -o '%j|%K|%T|%N|%r'`: by the job's name. Batches that wait may share a line, `exp-1|[5-9,12%4]|PENDING||Priority`. */
export function readQueue(text: string): ReadonlyMap<string, BatchStates> {
  const jobs = new Map<string, Map<number, BatchState>>();
  for (const line of text.split("\n")) {
    const [job, batches, state, node, reason] = line.split("|");
    if (job === undefined || batches === undefined || state === undefined) continue;
    const found: BatchState = { state, node: wordOf(node), reason: wordOf(reason) };
    const known = jobs.get(job) ?? new Map<number, BatchState>();
    jobs.set(job, known);
    for (const batch of numbersOf(batches)) known.set(batch, found);
  }
  return jobs;
}

/** `3`, `[5-9,12%4]`, `[0-10:5]`. */
function numbersOf(text: string): readonly number[] {
  const list = text.replace(/^\[/, "").replace(/\]$/, "").replace(/%\d+$/, "");
  return list.split(",").flatMap((part) => {
    const [, from, to, step = "1"] = /^(\d+)-(\d+)(?::(\d+))?$/.exec(part) ?? [];
    if (from === undefined) return /^\d+$/.test(part) ? [Number(part)] : [];
    const numbers: number[] = [];
    for (let n = Number(from); n <= Number(to); n += Number(step)) numbers.push(n);
    return numbers;
  });
}

/** `sacct -X -n -P -o JobID,State,ExitCode,NodeList,Reason,ReqMem,TimelimitRaw,JobName`, of jobs of that name. */
export function readAccounting(text: string, name: string): BatchStates {
  const states = new Map<number, BatchState>();
  for (const line of text.split("\n")) {
    const [id = "", state = "", exitCode = "", node, reason, memory, minutes, of] = line.split("|");
    const batch = /_(\d+)$/.exec(id)?.[1];
    if (batch === undefined || of !== name) continue;
    states.set(Number(batch), {
      state: state.split(" ")[0]!,
      node: wordOf(node),
      reason: wordOf(reason),
      exitCode,
      ...sizes(memory, minutes),
    });
  }
  return states;
}

/** `scontrol show job -o JOB`: one line a batch, `Name=value` with spaces between; of jobs of that name. */
export function readJobs(text: string, name: string): BatchStates {
  const states = new Map<number, BatchState>();
  for (const line of text.split("\n")) {
    const value = (field: string) => new RegExp(`(?:^| )${field}=(\\S*)`).exec(line)?.[1];
    const batch = value("ArrayTaskId");
    const state = value("JobState");
    if (batch === undefined || state === undefined || value("JobName") !== name) continue;
    const exitCode = value("ExitCode");
    const found: BatchState = {
      state,
      node: wordOf(value("NodeList")),
      reason: wordOf(value("Reason")),
      ...(exitCode !== undefined && { exitCode }),
      ...sizes(value("MinMemoryNode") ?? value("MinMemoryCPU"), String(minutesOf(value("TimeLimit") ?? "") ?? "")),
    };
    for (const number of numbersOf(batch)) states.set(number, found);
  }
  return states;
}

function sizes(memory: string | undefined, minutes: string | undefined): Pick<BatchState, "memoryMiB" | "minutes"> {
  const memoryMiB = mebibytesOf(memory ?? "");
  const given = /^\d+$/.test(minutes ?? "") ? Number(minutes) : undefined;
  return { ...(memoryMiB !== undefined && { memoryMiB }), ...(given !== undefined && { minutes: given }) };
}

/** `500M`, `4Gc`, `1024`. */
function mebibytesOf(text: string): number | undefined {
  const [, number, unit = "M"] = /^(\d+(?:\.\d+)?)([KMGT])?[cn]?$/.exec(text) ?? [];
  if (number === undefined || Number(number) === 0) return undefined;
  return Math.ceil(Number(number) * { K: 1 / 1024, M: 1, G: 1024, T: 1024 ** 2 }[unit as "K" | "M" | "G" | "T"]);
}

/** A time limit as sbatch takes it and scontrol shows it: `30`, `30:00`, `2:00:00`, `1-12`, `1-12:30:00`. Undefined: none, or no time. */
export function minutesOf(text: string): number | undefined {
  const [, days, rest] = /^(?:(\d+)-)?(\d+(?::\d+){0,2})$/.exec(text) ?? [];
  if (rest === undefined) return undefined;
  const parts = rest.split(":").map(Number);
  const [hours = 0, minutes = 0, seconds = 0] = days !== undefined ? parts : parts.length === 3 ? parts : [0, ...parts];
  return Math.ceil(Number(days ?? 0) * 1440 + hours * 60 + minutes + seconds / 60);
}

function wordOf(text: string | undefined): string | undefined {
  return text === undefined || ["", "None", "(null)", "None assigned"].includes(text) ? undefined : text;
}
