// The script that sbatch is given: readable, for it stays in the run's folder while its batches are under way. Writes text; runs nothing.

import type { Resources } from "../../../api/rule.ts";
import type { SlurmOptions } from "../../../api/slurm.ts";

/** What a batch is given of the cluster. */
export interface Allotment {
  readonly resources: Resources;
  readonly options: SlurmOptions;
  /** Minutes; undefined: the partition's. */
  readonly minutes: number | undefined;
  /** MiB; undefined: the partition's. */
  readonly memoryMiB: number | undefined;
  /** Nodes to be left out, because one of their batches was lost with them. */
  readonly exclude: readonly string[];
}

export interface ScriptOptions {
  readonly allotment: Allotment;
  readonly jobName: string;
  /** For people. */
  readonly about: string;
  readonly folder: string;
  readonly batches: number;
  readonly parallel: number | undefined;
  /** The program that runs a batch, and the Node to run it with where the options name none. */
  readonly batchFile: string;
  readonly node: string;
}

/** Node's own, and what reads the order and keeps the results: what a batch needs beside its actions. */
const ownMiB = 256;

export function memoryOf(options: SlurmOptions, resources: Resources): number | undefined {
  return options.memory ?? (resources.memory === undefined ? undefined : Math.ceil(resources.memory) + ownMiB);
}

export function flagsOf(
  { resources, options, minutes, memoryMiB, exclude }: Allotment,
  folder: string,
): readonly string[] {
  const gres =
    options.gres ?? (resources.gpu === undefined || resources.gpu === 0 ? undefined : `gpu:${resources.gpu}`);
  const said: readonly (readonly [flag: string, value: string | number | undefined])[] = [
    ["account", options.account],
    ["partition", options.partition],
    ["qos", options.qos],
    ["reservation", options.reservation],
    ["constraint", options.constraint],
    ["cpus-per-task", Math.max(1, Math.ceil(resources.cpu ?? 1))],
    ["gres", gres],
    ["mem", memoryMiB === undefined ? undefined : `${memoryMiB}M`],
    ["time", minutes],
    ["exclude", exclude.length === 0 ? undefined : exclude.join(",")],
    ["output", `${folder}/out/%a.out`],
    ["open-mode", "append"],
  ];
  return [
    "--ntasks=1",
    ...said.flatMap(([flag, value]) => (value === undefined ? [] : [`--${flag}=${value}`])),
    "--requeue",
    // What waits for something that can never come would wait for ever.
    "--kill-on-invalid-dep=yes",
    // What else the user has in his environment is none of a batch's business.
    "--export=PATH,HOME,USER",
    ...(options.sbatch ?? []),
  ];
}

export function scriptOf({
  allotment,
  jobName,
  about,
  folder,
  batches,
  parallel,
  batchFile,
  node,
}: ScriptOptions): string {
  const { options, resources } = allotment;
  const throttle = parallel === undefined ? "" : `%${parallel}`;
  const flags = [`--job-name=${jobName}`, `--array=0-${batches - 1}${throttle}`, ...flagsOf(allotment, folder)];
  const modules = (options.modules ?? []).map((name) => `module load ${quote(name)}`);
  const inside =
    options.container === undefined
      ? ""
      : `apptainer exec ${(resources.gpu ?? 0) > 0 ? "--nv " : ""}--bind "$folder" --bind ${quote(rootOf(folder))} ${quote(options.container)} `;
  const lines = [
    "#!/bin/bash",
    ...flags.map((flag) => `#SBATCH ${flag}`),
    "",
    `# ${about}. Written by exp; each element of the array is one batch.`,
    `folder=${quote(folder)}`,
    ...(modules.length === 0 ? [] : [defineModule, ...modules]),
    ...(options.before ?? []),
    `node=${quote(options.node ?? node)}`,
    ...(options.node === undefined ? ['[ -x "$node" ] || node=$(command -v node)'] : []),
    ...(options.container === undefined ? [refuseWithoutNode] : []),
    `exec ${inside}"$node" ${quote(batchFile)} "$folder" "$SLURM_ARRAY_TASK_ID" "\${SLURM_RESTART_COUNT:-0}"`,
  ];
  return `${lines.join("\n")}\n`;
}

/** A script is no login shell, in which alone many sites define \`module\`. */
const defineModule = `if ! command -v module >/dev/null; then
  for file in /etc/profile.d/lmod.sh /etc/profile.d/modules.sh /etc/profile; do
    [ -r "$file" ] && . "$file" && break
  done
fi`;

const refuseWithoutNode = `if ! [ -x "$node" ]; then
  printf '{"refused":"there is no Node on %s: load a module that brings it, or name its path (slurm: node, in exp.local.yaml)"}\\n' "$(hostname)" \\
    >>"$folder/results/$SLURM_ARRAY_TASK_ID.\${SLURM_RESTART_COUNT:-0}.jsonl"
  exit 0
fi`;

/** The project's folder: `…/runs/RUN/.slurm/ID` lies in it. */
function rootOf(folder: string): string {
  return folder.split("/").slice(0, -4).join("/");
}

function quote(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
