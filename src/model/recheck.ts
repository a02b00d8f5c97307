// What came of running a finished action again, aside: the answer of `reproduce` and `verify`. Plain data; JSON as documented in docs/json.md.

/** The first place at which an output differs from what is recorded. */
export interface Difference {
  readonly slot: string;
  /** Where in the output: `line 3`, `row 12, column "value"`, `byte 40`, a file of a tree, `$.mean`; "" where nothing more can be said. */
  readonly where: string;
  readonly before: string;
  readonly after: string;
}

export type Verdict =
  | { readonly kind: "same" }
  | {
      readonly kind: "differs";
      readonly differences: readonly Difference[];
      /** What may explain it. With a declared reason it is no failure. */
      readonly because: readonly string[];
      readonly isDeclared: boolean;
      /** The folder in which the new outputs were kept, from the project's root. */
      readonly kept?: string;
    }
  | { readonly kind: "failed"; readonly message: string; readonly details: readonly string[] }
  /** Not run: something that it needs is nowhere, or would have to be paid. */
  | { readonly kind: "not-run"; readonly why: string };

export interface Recheck {
  readonly target: string;
  readonly part: "recipe" | "split" | "item" | "merge" | "gate" | "handoff" | "splice";
  /** Of an item: as people name it. */
  readonly item?: string;
  readonly verdict: Verdict;
  /** Milliseconds, now and as recorded. */
  readonly tookMs: number;
  readonly recordedMs: number;
}
