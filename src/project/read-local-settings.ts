// Reads `exp.local.yaml`.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { gpuPattern } from "../api/modal.ts";
import type { Failure } from "../model/failure.ts";
import { readFiles } from "../planning/config/files.ts";
import { validate } from "../planning/config/validate.ts";
import { fail, ok, type Result } from "../util/result.ts";
import { executorNames } from "./executors.ts";
import { localSettingsFile, type LocalSettings } from "./local-settings.ts";

const word = z.string().min(1);
const slurm = z.strictObject({
  account: word.optional(),
  partition: word.optional(),
  qos: word.optional(),
  reservation: word.optional(),
  constraint: word.optional(),
  gres: word.optional(),
  time: z.union([z.number().positive(), word]).optional(),
  memory: z.number().positive().optional(),
  modules: z.array(word).optional(),
  container: word.optional(),
  node: word.optional(),
  before: z.array(word).optional(),
  sbatch: z.array(word).optional(),
});
const modal = z.strictObject({
  gpu: z.string().regex(gpuPattern, 'a kind of GPU, with a number if it is more than one: "L4", "H100:2"').optional(),
  cpu: z.number().positive().optional(),
  memory: z.number().positive().optional(),
  time: z.number().positive().optional(),
  regions: z.array(word).optional(),
  image: z
    .union([word, z.strictObject({ from: word, commands: z.array(word).optional(), registrySecret: word.optional() })])
    .optional(),
  secrets: z.array(word).optional(),
});
const price = z.number().nonnegative();
const schema = z.strictObject({
  executor: z.enum(executorNames).optional(),
  slurm: slurm
    .extend({
      files: z.enum(["project-folder", "shared-cache"]).optional(),
      parallel: z.int().positive().optional(),
      poll: z.number().positive().optional(),
      targets: z.record(z.string(), slurm).optional(),
    })
    .optional(),
  modal: modal
    .extend({
      app: word.optional(),
      environment: word.optional(),
      volume: word.optional(),
      parallel: z.int().positive().optional(),
      poll: z.number().positive().optional(),
      prices: z
        .strictObject({
          cpu: price.optional(),
          memory: price.optional(),
          gpu: z.record(z.string(), price).optional(),
          regions: z.record(z.string(), price).optional(),
        })
        .optional(),
      targets: z.record(z.string(), modal).optional(),
    })
    .optional(),
});

export function readLocalSettings(root: string): Result<LocalSettings, readonly Failure[]> {
  const path = join(root, localSettingsFile);
  const files = readFiles({ root, file: localSettingsFile, readFile: (each) => readFileSync(each) });
  if (!files.ok) return fail(files.error);
  const { tree } = files.value.get(path)!;
  const at = { file: localSettingsFile, line: 1, column: 1 };
  const value = validate({ name: localSettingsFile, value: tree, at, neededBy: "where actions run" }, schema);
  return value.ok ? ok(value.value as LocalSettings) : value;
}
