// Slurm's own programs, started and read: sbatch, squeue, sacct, scontrol, scancel. Unaware of orders.

import { execa } from "execa";
import { readAccounting, readJobs, readQueue, type BatchState, type BatchStates } from "./states.ts";

const deadlineMs = 60_000;

/** What sbatch said to a script. */
export type Submitted =
  | { readonly kind: "accepted"; readonly job: string }
  /** The same would be refused again. */
  | { readonly kind: "refused"; readonly message: string }
  /** No answer, or no room now. `isUnclear`: it may have been accepted all the same. `isTooMany`: fewer batches at once may find room. */
  | { readonly kind: "not-now"; readonly message: string; readonly isUnclear: boolean; readonly isTooMany: boolean };

interface Ran {
  readonly ok: boolean;
  readonly text: string;
  readonly error: string;
  readonly isMissing: boolean;
  readonly isLate: boolean;
}

export class Cluster {
  readonly #environment: NodeJS.ProcessEnv;
  #hasAccounting: boolean | undefined;

  constructor(environment: NodeJS.ProcessEnv) {
    // Otherwise squeue cuts the list of waiting batches after 64 letters.
    this.#environment = { ...environment, SLURM_BITSTR_LEN: "0", LC_ALL: "C" };
  }

  /** Undefined: Slurm is here, and answers. */
  async problem(): Promise<string | undefined> {
    const ran = await this.#run("sbatch", ["--version"]);
    if (ran.isMissing) return "there is no sbatch on the PATH: this machine submits to no Slurm cluster";
    return ran.ok ? undefined : `sbatch does not work on this machine: ${firstLine(ran.error)}`;
  }

  /** The most batches that one submission may have. Undefined: no answer. */
  async largestArray(): Promise<number | undefined> {
    const ran = await this.#run("scontrol", ["show", "config"]);
    const size = /^MaxArraySize\s*=\s*(\d+)/m.exec(ran.text)?.[1];
    // Numbers of batches are below it.
    return size === undefined ? undefined : Math.max(1, Number(size));
  }

  /** `environment`: handed on to the batches whose script says so. */
  async submit(scriptFile: string, environment: Readonly<Record<string, string>> = {}): Promise<Submitted> {
    const ran = await this.#run("sbatch", ["--parsable", scriptFile], environment);
    const job = /^(\d+)(?:;\S+)?$/m.exec(ran.text)?.[1];
    if (ran.ok && job !== undefined) return { kind: "accepted", job };
    const message = firstLine(ran.error) || "sbatch said nothing";
    const says = (words: RegExp) => words.test(ran.error);
    const isUnclear = ran.isLate || says(/timed out|zero bytes|connection (?:re(?:set|fused))|communication/i);
    const isTooMany = says(/submit ?limit|MaxSubmit|MaxJob|QOSMax|AssocMax/i);
    if (isUnclear || isTooMany || says(/temporar|try again|unable to contact|queue is full|slurmctld/i))
      return { kind: "not-now", message, isUnclear, isTooMany };
    return { kind: "refused", message };
  }

  /** The number of the job of that name, if the queue or the accounting knows it. `undefined`: no answer. */
  async jobNamed(name: string): Promise<{ readonly job: string | undefined } | undefined> {
    const queue = await this.#run("squeue", ["-h", "-t", "all", "--name", name, "-o", "%F"]);
    if (!queue.ok) return undefined;
    const job = /^\d+$/m.exec(queue.text)?.[0];
    if (job !== undefined) return { job };
    const past = await this.#run("sacct", ["-X", "-n", "-P", "-S", "now-14days", "--name", name, "-o", "JobID"]);
    return { job: past.ok ? /^(\d+)/m.exec(past.text)?.[1] : undefined };
  }

  /** Jobs in the queue whose names begin so, and that have not ended. */
  async jobsNamed(prefix: string): Promise<readonly { readonly job: string; readonly name: string }[] | undefined> {
    const ran = await this.#run("squeue", ["-h", "--me", "-o", "%F|%j"]);
    if (!ran.ok) return undefined;
    const jobs = new Map<string, string>();
    for (const line of ran.text.split("\n")) {
      const [job = "", name = ""] = line.split("|");
      if (name.startsWith(prefix)) jobs.set(job, name);
    }
    return [...jobs].map(([job, name]) => ({ job, name }));
  }

  /**
   * Batches of the user's jobs that the queue knows, by the names of the jobs; those that have ended stay in it for some minutes. Undefined: no answer.
   * Never by number: a controller that was killed forgets its last jobs, and gives their numbers to others.
   */
  async queue(): Promise<ReadonlyMap<string, BatchStates> | undefined> {
    const ran = await this.#run("squeue", ["-h", "-t", "all", "--me", "-o", "%j|%K|%T|%N|%r"]);
    return ran.ok ? readQueue(ran.text) : undefined;
  }

  /** How a batch ended that has left the queue, or is on its way out. Accounting lags by seconds; the controller forgets after minutes. */
  async fate(job: string, name: string, batch: number): Promise<BatchState | undefined> {
    const shown = await this.#run("scontrol", ["show", "job", "-o", `${job}_${batch}`]);
    const fromController = shown.ok ? readJobs(shown.text, name).get(batch) : undefined;
    if (fromController !== undefined || this.#hasAccounting === false) return fromController;
    const columns = "JobID,State,ExitCode,NodeList,Reason,ReqMem,TimelimitRaw,JobName";
    const past = await this.#run("sacct", ["-X", "-n", "-P", "-D", "-j", `${job}_${batch}`, "-o", columns]);
    this.#hasAccounting = !/accounting storage is disabled/i.test(past.error);
    return past.ok ? readAccounting(past.text, name).get(batch) : undefined;
  }

  /** Whether there is such a job, or was. */
  async knows(job: string): Promise<boolean> {
    const shown = await this.#run("scontrol", ["show", "job", "-o", job]);
    if (shown.ok) return true;
    const past = await this.#run("sacct", ["-X", "-n", "-P", "-j", job, "-o", "JobID"]);
    return past.ok && past.text.trim() !== "";
  }

  /** Batches of one job, `12_3`. By its name as well: its number may be another's by now. */
  async cancelBatches(jobName: string, batches: readonly string[]): Promise<boolean> {
    return (await this.#run("scancel", ["--me", `--name=${jobName}`, ...batches])).ok;
  }

  /** Jobs by their names, whole. */
  async cancel(names: readonly string[]): Promise<boolean> {
    const ran = await Promise.all(names.map((name) => this.#run("scancel", ["--me", `--name=${name}`])));
    return ran.every(({ ok }) => ok);
  }

  async #run(program: string, args: readonly string[], more: NodeJS.ProcessEnv = {}): Promise<Ran> {
    const result = await execa(program, args, {
      env: { ...this.#environment, ...more },
      extendEnv: false,
      reject: false,
      timeout: deadlineMs,
      stdin: "ignore",
    });
    const { code } = result as { readonly code?: string };
    return {
      ok: !result.failed,
      text: result.stdout ?? "",
      error: result.stderr || result.shortMessage || "",
      isMissing: code === "ENOENT",
      isLate: result.timedOut,
    };
  }
}

function firstLine(text: string): string {
  return (
    text
      .split("\n")
      .find((line) => line.trim() !== "")
      ?.replace(/^\w+: error: /, "")
      .trim() ?? ""
  );
}
