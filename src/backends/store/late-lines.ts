// Lines of a trace that are parsed when somebody asks: a build of one target among ten thousand asks for a few of thirty thousand. What an index needs
// is taken from the front of the line, where the program writes it; a line in any other form is parsed at once.

import type { Digest } from "../../model/digest.ts";
import { recordFormat } from "../../planning/fingerprint/action-key.ts";
import type { Part, TraceLine } from "./trace-lines.ts";

export type ResultLine = Extract<TraceLine, { r: unknown }>;
export type RecordLine = Extract<TraceLine, { rec: unknown }>;
export type SourceLine = Extract<TraceLine, { src: unknown }>;

/** A line by its text. One that was torn by a crash gives way to what was known before it. */
export class Late<Line> {
  #text: string | undefined;
  #line: Line | undefined;
  readonly #before: Late<Line> | undefined;

  private constructor(text: string | undefined, line: Line | undefined, before: Late<Line> | undefined) {
    this.#text = text;
    this.#line = line;
    this.#before = before;
  }

  static of<Line>(line: Line): Late<Line> {
    return new Late(undefined, line, undefined);
  }

  static text<Line>(text: string, before: Late<Line> | undefined): Late<Line> {
    return new Late(text, undefined, before);
  }

  get line(): Line | undefined {
    if (this.#text === undefined) return this.#line;
    const text = this.#text;
    this.#text = undefined;
    try {
      this.#line = JSON.parse(text) as Line;
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      this.#line = this.#before?.line;
    }
    return this.#line;
  }
}

const hex = '"([0-9a-f]{64})"';
const resultFront = new RegExp(
  `^\\{"t":"([^"\\\\]+)","p":"(\\w+)","b":(\\d+),"c":${hex},"k":"[0-9a-f]{64}",(?:"m":${hex},)?"[lr]":`,
);
const recordFront = new RegExp(
  `^\\{"t":"([^"\\\\]+)","b":(\\d+),"c":${hex},(?:"n":"([^"\\\\]+)",)?"rec":\\{"format":${recordFormat},"part":"(\\w+)",`,
);

/** What an index has to know of a line. */
export type Front =
  | {
      readonly kind: "result";
      readonly target: string;
      readonly part: Part;
      readonly build: number;
      readonly core: Digest;
      readonly template: Digest | undefined;
    }
  | {
      readonly kind: "record";
      readonly target: string;
      readonly part: Part;
      readonly build: number;
      readonly core: Digest;
      readonly recipe: string | undefined;
    };

/** Undefined: the line is another, or in another form, and has to be parsed. */
export function frontOf(text: string): Front | undefined {
  const result = resultFront.exec(text);
  if (result !== null) {
    const [, target, part, build, core, template] = result;
    return {
      kind: "result",
      target: target!,
      part: part as Part,
      build: Number(build),
      core: core as Digest,
      template: template as Digest | undefined,
    };
  }
  const record = recordFront.exec(text);
  if (record === null) return undefined;
  const [, target, build, core, recipe, part] = record;
  return {
    kind: "record",
    target: target!,
    part: part as Part,
    build: Number(build),
    core: core as Digest,
    recipe,
  };
}

const placed = new RegExp(`^\\{"out":"([^"\\\\]+)","d":${hex}\\}$`);
const standing = new RegExp(`^\\{"t":"([^"\\\\]+)","b":(\\d+),"at":(\\d+),"now":${hex}\\}$`);

/** The two short lines of which there is one a target each, without a parser. Undefined: another line. */
export function shortLineOf(text: string): TraceLine | undefined {
  const out = placed.exec(text);
  if (out !== null) return { out: out[1]!, d: out[2] as Digest };
  const now = standing.exec(text);
  if (now === null) return undefined;
  return { t: now[1]!, b: Number(now[2]), at: Number(now[3]), now: now[4] as Digest };
}
