// The script that sbatch is given: readable, for it stays in the run's folder while its batches are under way. Writes text; runs nothing.

import { gzipSync } from "node:zlib";
import type { Resources } from "../../../api/rule.ts";
import type { SlurmOptions } from "../../../api/slurm.ts";
import type { Start } from "../remote/carrier.ts";

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
  readonly start: Start;
  /** The Node to run it with where the options name none. */
  readonly node: string;
}

/** What a batch ends with that cannot say it otherwise: of codes that neither Node nor the shell give. */
export const exitCodes = {
  seesNoFolder: 75,
  reachesNoPlace: 76,
  hasNoNode: 77,
} as const;

/** Node's own, and what reads the order and keeps the results: what a batch needs beside its actions. */
const ownMiB = 256;

export function memoryOf(options: SlurmOptions, resources: Resources): number | undefined {
  return options.memory ?? (resources.memory === undefined ? undefined : Math.ceil(resources.memory) + ownMiB);
}

/** `folder`: where output goes; undefined: the nodes do not see it. */
export function flagsOf(
  { resources, options, minutes, memoryMiB, exclude }: Allotment,
  folder: string | undefined,
  variables: readonly string[] = [],
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
    ["output", folder === undefined ? "/dev/null" : `${folder}/out/%a.out`],
    ["open-mode", "append"],
  ];
  return [
    "--ntasks=1",
    ...said.flatMap(([flag, value]) => (value === undefined ? [] : [`--${flag}=${value}`])),
    "--requeue",
    // What waits for something that can never come would wait for ever.
    "--kill-on-invalid-dep=yes",
    // What else the user has in his environment is none of a batch's business.
    `--export=${["PATH", "HOME", "USER", ...variables].join(",")}`,
    ...(options.sbatch ?? []),
  ];
}

export function scriptOf({ allotment, jobName, about, folder, batches, parallel, start, node }: ScriptOptions): string {
  const { options, resources } = allotment;
  const { program, argument, environment } = start;
  const isThere = program.kind === "there";
  const throttle = parallel === undefined ? "" : `%${parallel}`;
  const flags = [
    `--job-name=${jobName}`,
    `--array=0-${batches - 1}${throttle}`,
    ...flagsOf(allotment, isThere ? folder : undefined, Object.keys(environment)),
  ];
  const modules = (options.modules ?? []).map((name) => `module load ${quote(name)}`);
  const binds = isThere ? `--bind "$folder" --bind ${quote(rootOf(folder))}` : `--bind "$folder"`;
  const inside =
    options.container === undefined
      ? ""
      : `apptainer exec ${(resources.gpu ?? 0) > 0 ? "--nv " : ""}${binds} ${quote(options.container)} `;
  const run = (file: string) =>
    `exec ${inside}"$node" ${file} ${quote(argument)} "$SLURM_ARRAY_TASK_ID" "\${SLURM_RESTART_COUNT:-0}"`;
  const lines = [
    "#!/bin/bash",
    ...flags.map((flag) => `#SBATCH ${flag}`),
    "",
    `# ${about}. Written by exp; each element of the array is one batch.`,
    ...(isThere
      ? [`folder=${quote(folder)}`, `[ -d "$folder" ] || exit ${exitCodes.seesNoFolder}`]
      : ["# The node need not see the project: what a batch needs it fetches from the shared cache."]),
    ...(modules.length === 0 ? [] : [defineModule, ...modules]),
    ...(options.before ?? []),
    `node=${quote(options.node ?? node)}`,
    ...(options.node === undefined ? ['[ -x "$node" ] || node=$(command -v node)'] : []),
    ...(options.container === undefined ? [isThere ? refuseWithoutNode : endWithoutNode] : []),
    ...(isThere ? [run(quote(program.file))] : unpacked(inside, program.files, run)),
  ];
  return `${lines.join("\n")}\n`;
}

/** The files that come along with the script, packed into it; with Node alone, since there is nothing else that is sure to be there. */
function unpacked(
  inside: string,
  files: readonly (readonly [name: string, text: string])[],
  run: (file: string) => string,
): readonly string[] {
  const packed = gzipSync(JSON.stringify(Object.fromEntries(files)), { level: 9 }).toString("base64");
  const [program] = files[0]!;
  return [
    "# The program that does so comes along, packed.",
    'folder=$(mktemp -d "${TMPDIR:-/tmp}/exp-start-XXXXXXXX")',
    `${inside}"$node" -e '${unpack}' "$folder" <<'END'`,
    ...(packed.match(/.{1,120}/g) ?? []),
    "END",
    run(`"$folder/${program}"`),
  ];
}

const unpack =
  'const fs = require("fs"), folder = process.argv[1]; const texts = JSON.parse(require("zlib").gunzipSync(Buffer.from(fs.readFileSync(0, "utf8"), "base64"))); for (const name in texts) fs.writeFileSync(`${folder}/${name}`, texts[name]);';

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

const endWithoutNode = `[ -x "$node" ] || exit ${exitCodes.hasNoNode}`;

/** The project's folder: `…/runs/RUN/.slurm/ID` lies in it. */
function rootOf(folder: string): string {
  return folder.split("/").slice(0, -4).join("/");
}

function quote(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
