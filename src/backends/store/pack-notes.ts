// Which packs this machine has met in shared caches: `exp cache verify` looks at those, for nothing else names them. May be deleted at any time.

import type { Digest } from "../../model/digest.ts";
import { AppendLog, readLog } from "../../util/append-log.ts";

interface Note {
  readonly k: Digest;
}

export class PackNotes {
  readonly #file: string;
  readonly #log: AppendLog<Note>;
  #known: Set<Digest> | undefined;

  constructor(file: string) {
    this.#file = file;
    this.#log = new AppendLog(file);
  }

  get keys(): ReadonlySet<Digest> {
    return (this.#known ??= new Set(readLog<Note>(this.#file).lines.map(({ k }) => k)));
  }

  add(key: Digest): void {
    if (this.keys.has(key)) return;
    this.#known!.add(key);
    this.#log.append({ k: key });
  }

  close(): void {
    this.#log.close();
  }
}
