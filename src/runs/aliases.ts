// Code digests that mean the same code. A newer bundler prints the same sources differently; so that its upgrade makes nothing stale,
// the old closure is printed again by today's bundler: where that is today's print, the new digest becomes an alias of the old one.

import { join } from "node:path";
import type { Digest } from "../model/digest.ts";
import type { Closure } from "../planning/bundle/closure.ts";
import type { Printer } from "../planning/bundle/print.ts";
import { digestOfBytes } from "../model/digest.ts";
import { AppendLog, readLog } from "../util/append-log.ts";
import type { Archive } from "./archive.ts";

interface AliasLine {
  /** Today's digest, and the one that results are recorded under. */
  readonly from: Digest;
  readonly to: Digest;
  readonly printer: string;
}

export class CodeAliases {
  readonly #archive: Archive;
  readonly #file: string;
  #known: Map<Digest, Digest> | undefined;
  /** The digest under which others have recorded results of these sources, with its print in the archive; asked where the archive has none. */
  askOthers: ((closure: Closure, code: Digest) => Promise<Digest | undefined>) | undefined;

  constructor(archiveFolder: string, archive: Archive) {
    this.#archive = archive;
    this.#file = join(archiveFolder, "aliases.jsonl");
  }

  /** The digest under which results of this code are recorded: its own, or that of an equal older print. */
  async canonical(code: Digest, closure: Closure, printer: Printer): Promise<Digest> {
    const known = this.#load().get(code);
    if (known !== undefined) return known;
    if (this.#archive.hasBundle(code)) return code;
    const [entry] = closure.modules;
    for (const old of this.#archive.bundlesOf(entry?.label ?? "", closure.exportName)) {
      // Prints of one printer differ only when the code does.
      if (old.printer === printer.name) continue;
      const source = this.#archive.bundleOf(old.code);
      if (source === undefined) continue;
      const again = await printer.print(source.closure);
      if (digestOfBytes(again.code) !== code) continue;
      return this.#remember({ from: code, to: old.code, printer: printer.name });
    }
    const theirs = await this.askOthers?.(closure, code);
    if (theirs === undefined || theirs === code) return code;
    return this.#remember({ from: code, to: theirs, printer: printer.name });
  }

  #remember(line: AliasLine): Digest {
    this.#load().set(line.from, line.to);
    const log = new AppendLog<AliasLine>(this.#file);
    log.append(line);
    log.close();
    return line.to;
  }

  #load(): Map<Digest, Digest> {
    return (this.#known ??= new Map(readLog<AliasLine>(this.#file).lines.map(({ from, to }) => [from, to])));
  }
}
