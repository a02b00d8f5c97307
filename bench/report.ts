// docs/benchmarks.md with its charts, and docs/scale.md, from what was measured.

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { format, resolveConfig } from "prettier";
import * as vega from "vega";
import { compile, type TopLevelSpec } from "vega-lite";
import type { Times } from "./data.ts";
import { figuresOf, isReached, measuredOf, parts, peaksIn, type Figure, type Part, type Results } from "./figures.ts";
import { median } from "./measure.ts";
import { phases, type Measured } from "./phases.ts";
import { modalSection } from "./modal-section.ts";
import { scalePage } from "./scale.ts";
import { crashSection, elsewhereSection, teamSection } from "./sections.ts";
import type { Tool } from "./tool.ts";
import { wordNumber, wordPart, wordSeconds } from "./words.ts";

export interface Setting {
  readonly tools: readonly Tool[];
  readonly skipped: readonly string[];
}

export async function writeReport(docs: string, setting: Setting, results: Results, notes: string): Promise<void> {
  await writePage(join(docs, "benchmarks.md"), pageOf(setting, results, notes));
  await writePage(join(docs, "scale.md"), scalePage(results));
  await writeChart(join(docs, "benchmarks-idle.svg"), idleChart(measuredOf(results)));
  await writeChart(join(docs, "benchmarks-phases.svg"), phaseChart(measuredOf(results)));
}

async function writePage(file: string, text: string): Promise<void> {
  writeFileSync(file, await format(text, { ...(await resolveConfig(file)), filepath: file }));
}

function pageOf({ tools, skipped }: Setting, results: Results, notes: string): string {
  const { largeMib, fileCount, itemCount } = results;
  const machines = [...new Set(results.parts.map(({ machine }) => machine))];
  const graphs = results.parts.filter(({ measured }) => measured !== undefined);
  const partOf = (name: string) => results.parts.find((one) => one.name === name);
  const times = (name: string, title: string) => {
    const part = partOf(name);
    return part?.times === undefined ? "" : timesTable(title, part, part.times);
  };
  return `# Benchmarks

<!-- Written by \`npm run bench\`. Do not edit; what is said of figures that are not reached lies in bench/notes.md. -->

\`npm run bench\` builds the same graphs with several tools, one after the other in each round, and writes this page; every
sample is in benchmarks.json. A target copies one of the files that it reads; recipes of exp in TypeScript write a hash of
all of them instead, so that what comes out depends on every input. Every figure is the median of the rounds, whole
processes, from the outside, on a tmpfs where there is one.

${machines.join("; ")}${machines.length === 1 ? "" : ": each table says which, and no figure mixes them"}.
${tools.map(({ name, version }) => `${name} ${version}`).join(", ")}.
${skipped.length === 0 ? "" : `Not there: ${skipped.join(", ")}.`}

## Figures to reach

${figureTable(figuresOf(results))}

${notes}

## Nothing to do, as graphs grow

![Seconds of a build that finds nothing to do, by the number of targets](benchmarks-idle.svg)

![Seconds of each phase, 1,000 targets in layers](benchmarks-phases.svg)

${graphs.map((part) => graphTable(part, part.measured!)).join("\n")}

## Data

${times(parts.large, `One file of ${largeMib.toLocaleString("en")} MiB`)}

${times(parts.files, `${fileCount.toLocaleString("en")} files of 4 KiB, read by one target`)}

${times(parts.items, `A fan-out of ${itemCount.toLocaleString("en")} items`)}

${times(parts.first, "The first run: a clone of this project, npm's cache being warm")}

## Memory

| targets or items | phase | MiB at the peak |
| ---: | --- | ---: |
${peaksIn(results)
  .map(({ size, phase, mib }) => `| ${size.toLocaleString("en")} | ${phase} | ${Math.round(mib)} |`)
  .join("\n")}

${elsewhereSection(partOf(parts.elsewhere))}

${crashSection(partOf(parts.crash))}

${modalSection(partOf(parts.modal))}

${teamSection(partOf(parts.team))}

## How each is run

${tools.map(({ name, build }) => `- ${name}: \`${wordCommand(build.argv)}\``).join("\n")}

What a tool does not do, or would take minutes for, is left empty. "Restored" is timed of those that keep what they have
made apart from the outputs. Make and ninja go by the times of files, the others by content; Nx runs without its daemon,
Turborepo by bun, wireit without npm.
`;
}

function wordCommand(argv: readonly string[]): string {
  return argv
    .map((word) =>
      word.startsWith("/") && !word.includes(" ") ? word.split("/").at(-1)! : word.replace(/\/\S*\/(?=[\w.-]+)/g, ""),
    )
    .join(" ");
}

function figureTable(figures: readonly Figure[]): string {
  const rows = figures.map((figure) => {
    const { what, value, limit, kind, unit } = figure;
    const reached = isReached(figure);
    const word = reached === undefined ? "not measured" : reached ? "reached" : "**not reached**";
    return `| ${what} | ${value === undefined ? "" : `${wordNumber(value)} ${unit}`} | ${kind} ${limit.toLocaleString("en")} ${unit} | ${word} |`;
  });
  return ["| figure | measured | wanted | |", "| --- | ---: | ---: | --- |", ...rows].join("\n");
}

function graphTable(part: Part, measured: readonly Measured[]): string {
  const tools = [...new Set(measured.map(({ tool }) => tool))];
  const rows = tools.map((tool) => {
    const cells = phases.map((phase) => {
      const one = measured.find((each) => each.tool === tool && each.phase === phase);
      return one === undefined ? "" : wordSeconds(median(one.seconds)) + (one.failed ? " (failed)" : "");
    });
    return `| ${tool} | ${cells.join(" | ")} |`;
  });
  return [
    `### ${part.name}`,
    "",
    `| | ${phases.join(" | ")} |`,
    `| --- |${phases.map(() => " ---: |").join("")}`,
    ...rows,
    "",
    wordPart(part),
    "",
  ].join("\n");
}

function timesTable(title: string, part: Part, times: Times): string {
  const rows = Object.entries(times).map(([name, seconds]) => `| ${name} | ${wordSeconds(median(seconds))} |`);
  return [`### ${title}`, "", "| | |", "| --- | ---: |", ...rows, "", wordPart(part)].join("\n");
}

function idleChart(measured: readonly Measured[]): TopLevelSpec {
  const values = measured
    .filter(({ shape, phase }) => shape === "layers" && phase === "nothing to do")
    .map(({ size, tool, seconds }) => ({ size, tool, seconds: median(seconds) }));
  return {
    width: 520,
    height: 320,
    background: "white",
    data: { values },
    mark: { type: "line", point: true },
    encoding: {
      x: { field: "size", type: "quantitative", scale: { type: "log" }, title: "targets" },
      y: { field: "seconds", type: "quantitative", scale: { type: "log" }, title: "seconds" },
      color: { field: "tool", type: "nominal", title: null, sort: null },
    },
  };
}

function phaseChart(measured: readonly Measured[]): TopLevelSpec {
  const values = measured
    .filter(({ shape, size }) => shape === "layers" && size === 1000)
    .filter(({ tool }) => tool !== "node -e 0")
    .map(({ phase, tool, seconds }) => ({ phase, tool, seconds: median(seconds) }));
  return {
    background: "white",
    data: { values },
    columns: 2,
    facet: { field: "phase", type: "nominal", sort: [...phases], title: null },
    resolve: { scale: { x: "independent" } },
    spec: {
      width: 260,
      height: { step: 14 },
      mark: "bar",
      encoding: {
        x: { field: "seconds", type: "quantitative", title: null },
        y: { field: "tool", type: "nominal", title: null, sort: "x" },
        color: { condition: { test: "indexof(datum.tool, 'exp') == 0", value: "#d95f02" }, value: "#7f8fa6" },
      },
    },
  };
}

async function writeChart(file: string, spec: TopLevelSpec): Promise<void> {
  const view = new vega.View(vega.parse(compile(spec).spec), { renderer: "none" });
  writeFileSync(file, await view.toSVG());
}
