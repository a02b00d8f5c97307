// `exp.local.yaml`: what is so for this user on this machine, and is not committed. It counts over the Expfile, and is part of no key.

import { existsSync } from "node:fs";
import { join } from "node:path";
import type { ModalOptions, ModalSettings } from "../api/modal.ts";
import type { SlurmOptions, SlurmSettings } from "../api/slurm.ts";
import type { ExecutorName } from "./executors.ts";

export const localSettingsFile = "exp.local.yaml";

export interface LocalSettings {
  readonly executor?: ExecutorName;
  readonly slurm?: SlurmSettings & { readonly targets?: Readonly<Record<string, SlurmOptions>> };
  readonly modal?: ModalSettings & { readonly targets?: Readonly<Record<string, ModalOptions>> };
}

export function hasLocalSettings(root: string): boolean {
  return existsSync(join(root, localSettingsFile));
}
