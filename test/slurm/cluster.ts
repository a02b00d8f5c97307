// A real Slurm cluster of one node on 127.0.0.1, for the length of a test file: munged, slurmctld and slurmd with a configuration of their own,
// and with accounting slurmdbd and MariaDB. Needs Debian's slurm-wlm, slurm-client and munge (mariadb-server, slurmdbd and
// slurm-wlm-mysql-plugin for accounting).

import { execFileSync, spawn, spawnSync, type ChildProcess } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { hostname, tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { randomBytes } from "node:crypto";
import { repository } from "../rig.ts";

const path = `${process.env.PATH ?? ""}:/usr/sbin:/sbin`;

function missingOf(programs: readonly string[]): readonly string[] {
  return programs.filter(
    (name) => spawnSync("/bin/sh", ["-c", `command -v ${name}`], { env: { PATH: path } }).status !== 0,
  );
}

/** What a test needs that is not here; undefined: a cluster can be started. */
export const slurmIsMissing: string | undefined = whatIsMissing(["munged", "slurmctld", "slurmd", "sbatch", "setpriv"]);
export const accountingIsMissing: string | undefined =
  slurmIsMissing ?? whatIsMissing(["slurmdbd", "mariadbd", "mariadb-install-db", "sacctmgr"]);

/** Slurm limits memory by a control group of the kernel, which containers seldom may make. */
export const memoryLimitsAreMissing: string | undefined =
  slurmIsMissing ??
  (existsSync("/sys/fs/cgroup/memory/memory.limit_in_bytes") && process.getuid?.() === 0
    ? undefined
    : "control groups");

function whatIsMissing(programs: readonly string[]): string | undefined {
  const missing = missingOf(programs);
  return missing.length === 0 ? undefined : missing.join(", ");
}

export interface ClusterOptions {
  readonly cpus?: number;
  readonly gpus?: number;
  readonly accounting?: boolean;
  /** Batches that use more memory than they were given are killed. */
  readonly enforcesMemory?: boolean;
  /** The most batches of one array. */
  readonly maxArraySize?: number;
  /** Each batch begins with what the user's profile sets, as on most clusters: it takes longer than many a batch. */
  readonly readsProfile?: boolean;
  /** The node sees nothing of this machine's folders for temporary files, nor of exp itself, but for these folders. */
  readonly seesOnly?: readonly string[];
}

/** A node with a file system of its own needs a namespace of mounts of its own, which only root may make. */
export const namespacesAreMissing: string | undefined =
  slurmIsMissing ??
  (spawnSync("unshare", ["-m", "true"]).status === 0 ? undefined : "namespaces of mounts (unshare -m)");

export class TestCluster {
  readonly folder: string;
  readonly #environment: NodeJS.ProcessEnv;
  readonly #options: ClusterOptions;
  readonly #processes = new Map<string, ChildProcess>();

  private constructor(folder: string, options: ClusterOptions) {
    this.folder = folder;
    this.#options = options;
    this.#environment = { PATH: path, SLURM_CONF: join(folder, "slurm.conf"), HOME: folder };
  }

  static async start(options: ClusterOptions = {}): Promise<TestCluster> {
    const cluster = new TestCluster(mkdtempSync(join(tmpdir(), "exp-slurm-")), options);
    try {
      await cluster.#configure();
      if (options.accounting === true) await cluster.#startAccounting();
      await cluster.startController();
      await cluster.startNode();
      await cluster.#until("the node is idle", () =>
        /^(idle|mixed|alloc)/m.test(cluster.tell("sinfo", "-h", "-o", "%T")),
      );
      return cluster;
    } catch (error) {
      await cluster.stop();
      throw error;
    }
  }

  /** What a program needs to speak to it. */
  get environment(): Readonly<Record<string, string>> {
    return { SLURM_CONF: join(this.folder, "slurm.conf"), PATH: path };
  }

  /** Runs one of Slurm's programs; its output, "" if it fails. */
  tell(program: string, ...args: readonly string[]): string {
    const { stdout } = spawnSync(program, args, { env: this.#environment, encoding: "utf8", timeout: 120_000 });
    return stdout ?? "";
  }

  async startController(): Promise<void> {
    await this.#start("slurmctld", ["-D"]);
  }

  async startNode(): Promise<void> {
    const { seesOnly } = this.#options;
    const node = ["-D", "-N", "n1"];
    if (seesOnly === undefined) return this.#start("slurmd", node);
    await this.#start("slurmd", ["-m", "sh", "-c", this.#apart(seesOnly), "slurmd", ...node], "unshare");
  }

  /** Lines of shell that leave of this machine's files what a node of its own would have, and become slurmd. */
  #apart(folders: readonly string[]): string {
    const own = join(this.folder, "node");
    const kept = [this.folder, ...folders].map((folder) => {
      const place = join(own, folder.slice(tmpdir().length + 1));
      return `mkdir -p ${place} && mount --bind ${folder} ${place}`;
    });
    return [
      `mkdir -p ${own} && mount -t tmpfs none ${own}`,
      ...kept,
      `mount --rbind ${own} ${tmpdir()}`,
      // Where it lies among temporary files, it is out of sight by now.
      `{ [ ! -d ${repository} ] || mount -t tmpfs none ${repository}; }`,
      'cd / && exec slurmd "$@"',
    ].join(" && ");
  }

  /** In good order (SIGTERM), or as a machine that loses its power (SIGKILL): then the controller forgets its last seconds. */
  async end(daemon: "slurmctld" | "slurmd", signal: "SIGTERM" | "SIGKILL"): Promise<void> {
    await this.#end(daemon, signal);
  }

  /** Ends all that waits or runs. */
  async clear(): Promise<void> {
    this.tell("scancel", "--me");
    for (let tries = 0; tries < 100 && this.tell("squeue", "-h") !== ""; tries++)
      await new Promise((resolve) => setTimeout(resolve, 100));
    // A node whose jobs a killed controller has forgotten is drained when their numbers come again.
    if (/drain|down/.test(this.tell("sinfo", "-h", "-o", "%T")))
      this.tell("scontrol", "update", "nodename=n1", "state=resume");
  }

  async stop(): Promise<void> {
    await this.clear();
    for (const name of ["slurmd", "slurmctld", "slurmdbd", "munged", "mariadbd"])
      await this.#end(name, name === "mariadbd" ? "SIGTERM" : "SIGKILL");
    rmSync(this.folder, { recursive: true, force: true });
  }

  async #configure(): Promise<void> {
    const { folder } = this;
    const {
      cpus = 8,
      gpus = 0,
      accounting = false,
      enforcesMemory = false,
      maxArraySize = 1001,
      readsProfile = false,
    } = this.#options;
    for (const name of ["run", "log", "state", "spool"]) mkdirSync(join(folder, name));
    writeFileSync(join(folder, "munge.key"), randomBytes(1024), { mode: 0o400 });
    const [controller, node, database, accounts] = await freePorts(4);
    const user = userInfo().username;
    const socket = join(folder, "run", "munge.sock");
    const lines = [
      "ClusterName=t",
      `SlurmctldHost=${hostname()}(127.0.0.1)`,
      `SlurmUser=${user}`,
      `SlurmdUser=${user}`,
      `SlurmctldPort=${controller}`,
      `SlurmdPort=${node}`,
      "AuthType=auth/munge",
      `AuthInfo=socket=${socket}`,
      "CredType=cred/munge",
      // Listens on 127.0.0.1 only.
      "CommunicationParameters=NoCtldInAddrAny,NoInAddrAny",
      `StateSaveLocation=${join(folder, "state")}`,
      `SlurmdSpoolDir=${join(folder, "spool")}`,
      `SlurmctldPidFile=${join(folder, "run", "slurmctld.pid")}`,
      `SlurmdPidFile=${join(folder, "run", "slurmd.pid")}`,
      `SlurmctldLogFile=${join(folder, "log", "slurmctld.log")}`,
      `SlurmdLogFile=${join(folder, "log", "slurmd.log")}`,
      "SlurmdParameters=config_overrides",
      ...(enforcesMemory
        ? ["ProctrackType=proctrack/cgroup", "TaskPlugin=task/cgroup"]
        : ["ProctrackType=proctrack/linuxproc", "TaskPlugin=task/none"]),
      "SwitchType=switch/none",
      "MpiDefault=none",
      "MailProg=/bin/true",
      "ReturnToService=2",
      "SchedulerParameters=sched_interval=1,bf_interval=1,batch_sched_delay=0,sched_min_interval=0,defer_batch",
      "SelectType=select/cons_tres",
      "SelectTypeParameters=CR_Core_Memory",
      "DefMemPerCPU=400",
      "KillWait=2",
      // Without time for the profile, a batch is begun with what was passed to it.
      ...(readsProfile ? [] : ["GetEnvTimeout=0"]),
      "MinJobAge=600",
      "SlurmdTimeout=10",
      "JobRequeue=1",
      `MaxArraySize=${maxArraySize}`,
      "GresTypes=gpu",
      ...(accounting
        ? [
            "AccountingStorageType=accounting_storage/slurmdbd",
            "AccountingStorageHost=127.0.0.1",
            `AccountingStoragePort=${accounts}`,
            `AccountingStoragePass=${socket}`,
          ]
        : ["AccountingStorageType=accounting_storage/none"]),
      `NodeName=n1 NodeHostname=${hostname()} NodeAddr=127.0.0.1 CPUs=${cpus} RealMemory=8000 ${gpus > 0 ? `Gres=gpu:${gpus}` : ""} State=UNKNOWN`,
      "PartitionName=main Nodes=n1 Default=YES MaxTime=INFINITE State=UP OverSubscribe=NO",
    ];
    writeFileSync(join(folder, "slurm.conf"), `${lines.join("\n")}\n`);
    if (enforcesMemory)
      writeFileSync(join(folder, "cgroup.conf"), "CgroupAutomount=no\nCgroupPlugin=cgroup/v1\nConstrainRAMSpace=yes\n");
    if (gpus > 0) {
      // Slurm wants devices; what they do is the test's affair.
      for (let n = 0; n < gpus; n++)
        execFileSync("mknod", [join(folder, `nvidia${n}`), "c", "1", "3"], { env: { PATH: path } });
      writeFileSync(
        join(folder, "gres.conf"),
        `NodeName=n1 Name=gpu File=${join(folder, `nvidia[0-${gpus - 1}]`)} Flags=nvidia_gpu_env\n`,
      );
    }
    await this.#start("munged", [
      "--force",
      "--foreground",
      `--key-file=${join(folder, "munge.key")}`,
      `--socket=${socket}`,
      `--pid-file=${join(folder, "run", "munged.pid")}`,
      `--log-file=${join(folder, "log", "munged.log")}`,
      `--seed-file=${join(folder, "munge.seed")}`,
    ]);
    await this.#until("munged listens", () => existsSync(socket));
    if (accounting) this.#ports = { database: database!, accounts: accounts! };
  }

  #ports = { database: 0, accounts: 0 };

  async #startAccounting(): Promise<void> {
    const { folder } = this;
    const data = join(folder, "database");
    const socket = join(folder, "run", "mariadb.sock");
    const user = userInfo().username;
    mkdirSync(data);
    execFileSync(
      "mariadb-install-db",
      [
        "--no-defaults",
        `--datadir=${data}`,
        `--user=${user}`,
        "--auth-root-authentication-method=normal",
        "--skip-test-db",
      ],
      { env: this.#environment, stdio: "ignore" },
    );
    await this.#start("mariadbd", [
      "--no-defaults",
      `--user=${user}`,
      `--datadir=${data}`,
      `--socket=${socket}`,
      "--bind-address=127.0.0.1",
      `--port=${this.#ports.database}`,
    ]);
    const sql =
      "create user 'slurm'@'127.0.0.1' identified by 'slurm'; create user 'slurm'@'localhost' identified by 'slurm'; grant all on *.* to 'slurm'@'127.0.0.1'; grant all on *.* to 'slurm'@'localhost';";
    await this.#until(
      "the database is up",
      () =>
        spawnSync("mariadb", ["--no-defaults", "-uroot", "-S", socket, "-e", sql], { env: this.#environment })
          .status === 0,
    );
    const lines = [
      "AuthType=auth/munge",
      `AuthInfo=socket=${join(folder, "run", "munge.sock")}`,
      `DbdHost=${hostname()}`,
      "DbdAddr=127.0.0.1",
      `DbdPort=${this.#ports.accounts}`,
      `SlurmUser=${user}`,
      `PidFile=${join(folder, "run", "slurmdbd.pid")}`,
      `LogFile=${join(folder, "log", "slurmdbd.log")}`,
      "StorageType=accounting_storage/mysql",
      "StorageHost=127.0.0.1",
      `StoragePort=${this.#ports.database}`,
      "StorageUser=slurm",
      "StoragePass=slurm",
      "StorageLoc=slurm_acct",
    ];
    writeFileSync(join(folder, "slurmdbd.conf"), `${lines.join("\n")}\n`, { mode: 0o600 });
    await this.#start("slurmdbd", ["-D"]);
    await this.#until("accounts are kept", () => {
      const asked = spawnSync("sacctmgr", ["-n", "show", "cluster"], { env: this.#environment, timeout: 60_000 });
      return asked.status === 0;
    });
    this.tell("sacctmgr", "-i", "add", "cluster", "t");
  }

  async #start(program: string, args: readonly string[], starter = program): Promise<void> {
    // A group of its own: the controller has a helper that would hold on to its port. And not one that outlives tests that were killed.
    const command = ["--pdeathsig", "KILL", "--", starter, ...args];
    const child = spawn("setpriv", command, { env: this.#environment, stdio: "ignore", detached: true });
    this.#processes.set(program, child);
    await new Promise<void>((resolve, reject) => {
      child.once("spawn", resolve);
      child.once("error", reject);
    });
  }

  async #end(program: string, signal: NodeJS.Signals): Promise<void> {
    const child = this.#processes.get(program);
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once("exit", resolve));
    process.kill(program === "slurmctld" ? -child.pid! : child.pid!, signal);
    await ended;
  }

  async #until(what: string, isSo: () => boolean): Promise<void> {
    for (let tries = 0; tries < 1200; tries++) {
      if (isSo()) return;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    const logs = ["slurmctld", "slurmd", "slurmdbd"].map((name) => join(this.folder, "log", `${name}.log`));
    const ends = logs.filter((file) => existsSync(file)).map((file) => readFileSync(file, "utf8").slice(-1000));
    throw new Error(`waited in vain: ${what}\n${ends.join("\n")}`);
  }
}

async function freePorts(count: number): Promise<readonly number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, "127.0.0.1"));
  await Promise.all(servers.map((server) => new Promise((resolve) => server.once("listening", resolve))));
  const ports = servers.map((server) => (server.address() as { port: number }).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}
