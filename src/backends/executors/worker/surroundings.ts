// What a recipe can leave behind in its process: variables, the working folder and what lies in it. Taken back after each action, so that none
// depends on which others ran before it here. Globals and prototypes are not: a recipe that changes those changes them for its worker.

import { mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { isMissing } from "../../../util/fs.ts";
import { removeWhole } from "../../../util/remove.ts";

export class Surroundings {
  /** Working folder, home and place of temporary files of every action; empty when one starts. */
  readonly #home: string;
  readonly #base: NodeJS.ProcessEnv;
  #variables: Readonly<Record<string, string>> = {};

  constructor(home: string) {
    this.#home = home;
    this.#base = { ...process.env };
  }

  /** What the actions to come may see beside what every action sees. */
  declare(variables: Readonly<Record<string, string>>): void {
    this.#variables = variables;
    this.#restoreVariables();
  }

  /** As they were before an action. `keepFiles`: what `setup` has put there serves the actions to come. */
  restore(keepFiles: boolean): void {
    this.#restoreVariables();
    if (!keepFiles) this.#removeFiles();
    if (!isWorkingFolder(this.#home)) process.chdir(this.#home);
  }

  #restoreVariables(): void {
    const wanted = { ...this.#base, ...this.#variables };
    for (const name of Object.keys(process.env)) if (!(name in wanted)) delete process.env[name];
    // Setting a variable costs more than reading it, and TZ resets the clock's cache.
    for (const [name, value] of Object.entries(wanted)) if (process.env[name] !== value) process.env[name] = value;
  }

  #removeFiles(): void {
    try {
      for (const name of readdirSync(this.#home)) removeWhole(join(this.#home, name));
    } catch (error) {
      if (!isMissing(error)) throw error;
      mkdirSync(this.#home, { recursive: true });
    }
  }
}

function isWorkingFolder(folder: string): boolean {
  try {
    return process.cwd() === folder;
  } catch {
    return false; // It was removed.
  }
}
