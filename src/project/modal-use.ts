// Whether a project has used Modal, and where its containers and files are there: for whoever asks after them without the Expfile.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { ModalSettings } from "../api/modal.ts";
import { isMissing, writeAtomic } from "../util/fs.ts";
import type { Project } from "./project.ts";

export type ModalUse = Pick<ModalSettings, "app" | "environment" | "volume">;

const useFile = ({ paths }: Project) => join(paths.runs, ".modal.json");

/** Durable: what runs there costs money, also when the run that began it is gone. */
export function noteModalUse(project: Project, { app, environment, volume }: ModalUse): void {
  writeAtomic(useFile(project), JSON.stringify({ app, environment, volume }), { durable: true });
}

/** Undefined: no container of this project can run. */
export function modalUse(project: Project): ModalUse | undefined {
  try {
    return JSON.parse(readFileSync(useFile(project), "utf8")) as ModalUse;
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}
