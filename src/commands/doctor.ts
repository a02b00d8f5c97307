// `exp doctor`: what is installed, configured and reachable, what is not, and the command that changes it.

import { accessSync, constants, existsSync, mkdirSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { cpus, totalmem } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { formatBytes } from "../report/amounts.ts";
import { alignRows } from "../report/columns.ts";
import { paint, span } from "../report/text.ts";
import { lookForModal } from "../project/containers.ts";
import { openRun } from "../project/open-run.ts";
import { findRoot, pathsOf } from "../project/paths.ts";
import { openProject } from "../project/project.ts";
import { version } from "../project/version.ts";
import { failureLine } from "../report/messages.ts";
import type { Arguments } from "./arguments.ts";
import { paletteOf, writeJson, writeLines, type Screen } from "./screen.ts";
import { exitCodes } from "./table.ts";

/** `missing` is something that a build here needs; `absent` something that some would like. */
interface Finding {
  readonly what: string;
  readonly state: "ok" | "absent" | "missing";
  readonly found: string;
  readonly fix?: string;
}

export async function doctor(args: Arguments, screen: Screen): Promise<number> {
  const root = findRoot(screen.workingFolder);
  const findings = [
    node(),
    { what: "exp", state: "ok", found: version } as const,
    {
      what: "machine",
      state: "ok",
      found: `${cpus().length} processors, ${formatBytes(totalmem())} memory, ${process.platform} ${process.arch}`,
    } as const,
    await bundler(),
    ...(root === undefined
      ? [{ what: "project", state: "absent", found: "no Expfile.ts here or above", fix: "exp init" } as const]
      : await project(root, screen)),
    memoryLimits(),
    ...(await Promise.all([
      tool(
        "git",
        ["--version"],
        "for the commit that a result came from",
        "apt-get install git, or your system's package",
      ),
      tool(
        "python3",
        ["--version"],
        "for recipes that are Python programs",
        "apt-get install python3, or your system's package",
      ),
      ...(process.platform === "linux"
        ? [tool("strace", ["--version"], "for --check-inputs", "apt-get install strace, or your system's package")]
        : []),
      tool("sbatch", ["--version"], "for --executor slurm", "a login node of the cluster"),
      modal(screen),
      tool(
        "nvidia-smi",
        ["--query-gpu=name", "--format=csv,noheader"],
        "for GPUs of this machine",
        "the NVIDIA driver, where there is a GPU",
      ),
    ])),
  ];
  if (args.flags.json === true) writeJson(screen, findings);
  else {
    const styles = { ok: "green", absent: "dim", missing: "red" } as const;
    const rows = findings.map(({ what, state, found, fix }) => [
      span(what, "bold"),
      span(state, styles[state]),
      span(fix === undefined || state === "ok" ? found : `${found} → ${fix}`),
    ]);
    writeLines(
      screen,
      alignRows(rows).map((line) => paint(line, paletteOf(screen)).trimEnd()),
    );
  }
  return findings.some((finding) => finding.state === "missing") ? exitCodes.failed : exitCodes.done;
}

/** Asks nobody: whether the credentials are good is told by a build. */
async function modal({ environment }: Screen): Promise<Finding> {
  const { found, lack } = await lookForModal({ environment });
  if (lack === undefined) return { what: "modal", state: "ok", found };
  return { what: "modal", state: "absent", found: `${found} (for --executor modal)`, fix: lack.fix };
}

function node(): Finding {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  const isOld = major < 20 || (major === 20 && minor < 19);
  return {
    what: "Node",
    state: isOld ? "missing" : "ok",
    found: process.version,
    ...(isOld
      ? { fix: "install Node 20.19 or newer" }
      : major < 22
        ? { fix: "Node 22 and newer start twice as fast" }
        : {}),
  };
}

async function bundler(): Promise<Finding> {
  try {
    const esbuild = await import("esbuild");
    await esbuild.transform("1");
    return { what: "bundler", state: "ok", found: `esbuild ${esbuild.version}` };
  } catch (error) {
    return {
      what: "bundler",
      state: "missing",
      found: error instanceof Error ? error.message.split("\n")[0]! : String(error),
      fix: "npm install (esbuild's program for this system is missing)",
    };
  }
}

async function project(root: string, screen: Screen): Promise<Finding[]> {
  const paths = pathsOf(root);
  const findings: Finding[] = [
    { what: "project", state: "ok", found: root },
    writable("cache", paths.cache),
    writable("runs", paths.runs),
    space(root),
  ];
  const opened = await openProject(root, screen.environment);
  try {
    const run = await openRun(opened, {
      config: undefined,
      run: undefined,
      overrides: [],
      from: [],
      reset: false,
      unknownRun: "may-begin",
    });
    if (!run.ok)
      findings.push(
        ...run.error.map((failure): Finding => ({
          what: "config",
          state: "missing",
          found: failureLine(failure),
          ...(failure.fix !== undefined && { fix: failure.fix }),
        })),
      );
    else {
      const { graph, source, secrets } = run.value;
      findings.push({
        what: "config",
        state: "ok",
        found: `${source}: experiment ${graph.experiment}, ${graph.targets.length} targets`,
      });
      for (const name of secrets.missing)
        findings.push({
          what: `secret ${name}`,
          state: "missing",
          found: "not set",
          fix: `export ${name}=…, or a line ${name}=… in .env`,
        });
      for (const name of secrets.values.keys()) findings.push({ what: `secret ${name}`, state: "ok", found: "set" });
      for (const text of secrets.warnings) findings.push({ what: "secrets", state: "absent", found: text });
    }
  } finally {
    opened.close();
  }
  return findings;
}

function writable(what: string, folder: string): Finding {
  try {
    const isNew = !existsSync(folder);
    mkdirSync(folder, { recursive: true });
    accessSync(folder, constants.W_OK);
    const probe = join(folder, `.probe-${process.pid}`);
    writeFileSync(probe, "");
    rmSync(probe);
    if (isNew) rmSync(folder, { recursive: true });
    return { what, state: "ok", found: `${folder} can be written` };
  } catch (error) {
    return {
      what,
      state: "missing",
      found: error instanceof Error ? error.message : String(error),
      fix: `make ${folder} writable`,
    };
  }
}

function space(root: string): Finding {
  const { bavail, bsize } = statfsSync(root);
  const free = bavail * bsize;
  const isLow = free < 2 ** 30;
  return {
    what: "disk",
    state: isLow ? "absent" : "ok",
    found: `${formatBytes(free)} free`,
    ...(isLow && { fix: "cache/ may be deleted at any time" }),
  };
}

function memoryLimits(): Finding {
  if (process.platform === "linux")
    return { what: "memory limits", state: "ok", found: "enforced for process groups (/proc)" };
  return {
    what: "memory limits",
    state: "absent",
    found: `not enforced on ${process.platform}`,
    fix: "a memory limit of a rule counts for scheduling only",
  };
}

async function tool(program: string, args: readonly string[], use: string, fix: string): Promise<Finding> {
  const result = await execa(program, args, { reject: false, timeout: 10_000 });
  if (result.failed) return { what: program, state: "absent", found: `not found (${use})`, fix };
  return { what: program, state: "ok", found: (result.stdout || result.stderr).split("\n")[0] ?? "" };
}
