// A fan-out whose items run elsewhere, a batch each, and what a test asks of what its builds have spent.

import { readdirSync } from "node:fs";
import { makeProject, type Rig } from "./rig.ts";

/** `recipe`: what an item does, in JavaScript. `local`: exp.local.yaml. */
export function spendingProject(
  recipe: string,
  { local, count = 6 }: { readonly local: string; readonly count?: number },
): Rig {
  return makeProject({
    "Expfile.ts": `import { contract, experiments, fanOut, text, type } from "expfile";
const drawing = contract({
  name: "lab/draw",
  items: { item: type<{ n: number }>(), outputs: { a: text() } },
  outputs: { all: text() },
});
const draw = fanOut(drawing, {
  split: () => import("./draw.ts").then((m) => m.split),
  recipes: { draw: () => import("./draw.ts").then((m) => m.draw) },
  merge: () => import("./draw.ts").then((m) => m.merge),
  batch: 1,
});
export default experiments({ main: () => ({ draw: draw() }) });
`,
    "draw.ts": `export const split = () => Array.from({ length: ${count} }, (_, n) => ({ item: { n } }));
export const draw = async ({ item, outputs, call }) => {
  ${recipe}
};
export const merge = ({ items, outputs }) => outputs.all.write(String(items.length));
`,
    "configs/default.yaml": "version: 1\n",
    "exp.local.yaml": local,
  });
}

/** A call that costs so many dollars. */
export const paying = (usd: number): string => `const answer = await call(
    { request: { ask: String(item.n) }, maxUsd: ${usd} },
    () => Promise.resolve({ response: "yes", costUsd: ${usd} }),
  );
  await outputs.a.write(String(answer));`;

export function finishedIn(events: readonly { readonly kind: string }[]): number {
  return events.filter(({ kind }) => kind === "item-finished").length;
}

/** Of all calls that the project has paid for, each time. */
export function paidCalls(rig: Rig): readonly string[] {
  return readdirSync(rig.path("runs/.archive/calls"))
    .flatMap((name) => rig.read(`runs/.archive/calls/${name}`).trim().split("\n"))
    .map((line) => (JSON.parse(line) as { readonly k: string }).k);
}
