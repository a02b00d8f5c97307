// How actions run on a Slurm cluster, as an Expfile, a rule or exp.local.yaml says it. Nothing of it is part of a key.

import { anObject, aText, checkFields, texts, type Shape } from "./declared.ts";

/** What `sbatch` is told. What is not said is left to the cluster. */
export interface SlurmOptions {
  readonly account?: string;
  readonly partition?: string;
  readonly qos?: string;
  readonly reservation?: string;
  readonly constraint?: string;
  /** Generic resources, if a number of GPUs (`resources: { gpu }`) does not say enough: "gpu:a100:2". */
  readonly gres?: string;
  /** Of a batch, minutes or as sbatch takes it ("2:00:00"). Without it: the time limit of its actions, or the partition's. */
  readonly time?: number | string;
  /** Of a batch, MiB. Without it: `resources.memory` of the rule and what exp itself needs, or the partition's. */
  readonly memory?: number;
  /** Environment modules to load: "nodejs/20". */
  readonly modules?: readonly string[];
  /** An image of Apptainer in which everything runs; Node has to be in it. */
  readonly container?: string;
  /** The path of Node on the compute nodes. Without it: the one that exp runs with, or else the one on their PATH. */
  readonly node?: string;
  /** Lines of shell that come first, such as `source /opt/site.sh`. */
  readonly before?: readonly string[];
  /** Further words for sbatch: ["--nice=100"]. */
  readonly sbatch?: readonly string[];
}

/** How files come to the nodes. */
export type FilesBy = "project-folder" | "shared-cache";

/** What holds for all of a project's work on a cluster. */
export interface SlurmSettings extends SlurmOptions {
  /**
   * How files come to the nodes, and what they make comes back: in the project's folder, which they see under the same path (if not said), or through the
   * shared cache.
   */
  readonly files?: FilesBy;
  /** How many batches may run at once; as many as the cluster gives if not said. */
  readonly parallel?: number;
  /** Seconds between two looks at the queue; 5 if not said. */
  readonly poll?: number;
}

const aNumber: Shape = {
  isMet: (value) => typeof value === "number" && Number.isFinite(value) && value > 0,
  what: "a number above 0",
};
const aLimit: Shape = {
  isMet: (value) => (typeof value === "string" && value !== "") || aNumber.isMet(value),
  what: 'minutes, or a time as sbatch takes it: "2:00:00"',
};

const aWay: Shape = {
  isMet: (value) => value === "project-folder" || value === "shared-cache",
  what: '"project-folder" or "shared-cache"',
};

const options: Readonly<Record<keyof SlurmOptions, Shape>> = {
  account: aText,
  partition: aText,
  qos: aText,
  reservation: aText,
  constraint: aText,
  gres: aText,
  time: aLimit,
  memory: aNumber,
  modules: texts,
  container: aText,
  node: aText,
  before: texts,
  sbatch: texts,
};

export const slurmOptions: Shape = {
  isMet: anObject.isMet,
  what: 'what Slurm is told: { partition: "gpu", time: "2:00:00" }',
};

/** Throws a `DeclarationError` that names the field. `who`: "the settings of `experiments`: `slurm`". */
export function checkSlurmOptions(who: string, given: object): void {
  checkFields(who, given, {}, options);
}

export function checkSlurmSettings(who: string, given: object): void {
  checkFields(who, given, {}, { ...options, files: aWay, parallel: aNumber, poll: aNumber });
}
