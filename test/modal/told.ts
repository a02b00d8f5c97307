// What batches have told of their items, as it lies on the local Modal's volumes: whatever a driver does, what lies there is finished. For whoever counts
// whether something finished was done again. Reads the messages of exp; knows no keys, and checks no signatures.

import type { Artifacts } from "../../src/model/action.ts";
import type { Chunk } from "../../src/backends/executors/remote/message.ts";
import type { ModalServer } from "./server/server.ts";

export class Told {
  /** By number of the item: how often it had been begun when its result lay there. */
  readonly #begun = new Map<number, number>();
  #isListening = true;

  /** `numberOf`: which item has made it, if it is one of those that are counted. `begun`: how often each has been begun until now. */
  constructor(
    { settings }: ModalServer,
    numberOf: (outputs: Artifacts) => number | undefined,
    begun: () => ReadonlyMap<number, number>,
  ) {
    settings.onCommit = (sandbox, volume, paths) => {
      // What a container leaves behind is committed after its end, too: whoever has seen the end need not wait for it.
      if (!this.#isListening || sandbox.state === "over") return;
      const counts = begun();
      for (const path of paths)
        for (const outputs of path.startsWith("ac/") ? resultsIn(volume.read(path)!) : []) {
          const number = numberOf(outputs);
          if (number !== undefined && !this.#begun.has(number)) this.#begun.set(number, counts.get(number) ?? 0);
        }
    };
  }

  get count(): number {
    return this.#begun.size;
  }

  /** Those that were begun once more after they were finished. */
  twice(begun: ReadonlyMap<number, number>): readonly number[] {
    return [...this.#begun].flatMap(([number, before]) => ((begun.get(number) ?? 0) > before ? [number] : []));
  }

  close(): void {
    this.#isListening = false;
  }
}

/** What actions have made, of one message; of one that is not whole yet, or of another kind, nothing. */
function resultsIn(message: Buffer): readonly Artifacts[] {
  let chunk: Partial<Chunk>;
  try {
    chunk = JSON.parse(message.toString("utf8", message.indexOf("\n") + 1)) as Partial<Chunk>;
  } catch {
    return [];
  }
  return (chunk.lines ?? []).flatMap((line) => {
    if (!("result" in line) || !("outcome" in line.result)) return [];
    const { outcome } = line.result;
    return outcome.kind === "done" ? [outcome.outputs] : [];
  });
}

/** How often each number stands in a journal, a number a line. */
export function countsOf(numbers: readonly number[]): ReadonlyMap<number, number> {
  const counts = new Map<number, number>();
  for (const number of numbers) counts.set(number, (counts.get(number) ?? 0) + 1);
  return counts;
}
