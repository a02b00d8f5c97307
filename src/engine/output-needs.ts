// Which outputs have to be here, of those that only others have: of targets that were asked for, and what something reads that is computed here.
// Knows no store: who assesses and who places ask it.

/** Whether all outputs are to be brought here, or only those of the targets that were asked for. */
export type Brought = "all" | "asked";

/**
 * `here`: what cannot be had is made again. `here if it can be had`: it is brought, and may stay where it is when it cannot. `anywhere`: it may stay where it
 * is.
 */
export type Need = "here" | "here if it can be had" | "anywhere";

export interface OutputNeedsOptions {
  readonly brought: Brought;
  /** Names of the targets asked for. */
  readonly asked: readonly string[];
  /** Told of a target whose outputs could not be had, and stay where they are. */
  readonly onStayed: (target: string) => void;
}

export class OutputNeeds {
  readonly #brought: Brought;
  readonly #here: Set<string>;
  readonly #onStayed: (target: string) => void;
  readonly #stayed = new Set<string>();

  constructor({ brought, asked, onStayed }: OutputNeedsOptions) {
    this.#brought = brought;
    this.#here = new Set(asked);
    this.#onStayed = onStayed;
  }

  needOf(target: string): Need {
    if (this.#here.has(target)) return "here";
    return this.#brought === "all" ? "here if it can be had" : "anywhere";
  }

  /** Something that has to be computed reads them. False: that was known. */
  want(target: string): boolean {
    if (this.#here.has(target)) return false;
    this.#here.add(target);
    return true;
  }

  noteStayed(target: string): void {
    if (this.#stayed.has(target)) return;
    this.#stayed.add(target);
    this.#onStayed(target);
  }
}

/** For who only asks how things stand. */
export function nothingNeeded(): OutputNeeds {
  return new OutputNeeds({ brought: "asked", asked: [], onStayed: () => undefined });
}
