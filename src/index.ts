// The public interface for Expfiles and rules. Recipes import only types from here; what they run comes from expfile/table, /stats and /seed.

export { z } from "zod";
export { experiments } from "./api/experiment.ts";
export { contract } from "./api/contract.ts";
export { command, fanOut, rule, source } from "./api/rule.ts";
export { gate } from "./api/gate.ts";
export { handoff } from "./api/handoff.ts";
export { file, json, list, named, optional, sourceFiles, table, text, tree, type, yaml } from "./api/slot.ts";

export type { CacheLimits } from "./api/cache-limits.ts";
export type { ProjectSettings } from "./api/experiment.ts";
export type { SharedCacheSettings } from "./api/shared-cache.ts";
export type { ModalImage, ModalOptions, ModalPrices, ModalSettings } from "./api/modal.ts";
export type { SlurmOptions, SlurmSettings } from "./api/slurm.ts";
export type { Arm, ArmLabel, ConfigOf, ContractSpec } from "./api/contract.ts";
export type {
  CallAnswer,
  CallRequest,
  Context,
  FileIn,
  FileOut,
  ItemContext,
  ItemRecipe,
  ItemRequest,
  ItemResult,
  Merge,
  Recipe,
  SetupContext,
  Split,
  TreeIn,
  TreeOut,
  ValueIn,
  ValueOut,
  VectorisedRecipe,
} from "./api/context.ts";
export type { Condition, GateRecipe } from "./api/gate.ts";
export type {
  Artifact,
  HandoffRequest,
  Needs,
  Resources,
  Retries,
  Rule,
  RunOptions,
  Target,
  TargetOptions,
} from "./api/rule.ts";
export type { AnyFile, JsonFile, Slot, Table, TextFile, Tree, YamlFile } from "./api/slot.ts";
