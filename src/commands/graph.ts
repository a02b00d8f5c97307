// `exp graph`: the targets, coloured by state, fan-outs with their counts.

import { drawGraph, type GraphFormat } from "../ui/graph.ts";
import { GRAPH_FORMATS } from "../ui/graph.ts";
import { inputFailure } from "../model/failure.ts";
import { suggest } from "../util/suggest.ts";
import type { Arguments } from "./arguments.ts";
import { withPlan } from "./plan.ts";
import { paletteOf, showFailures, type Screen } from "./screen.ts";
import { exitCodes } from "./table.ts";

export async function graph(args: Arguments, screen: Screen): Promise<number> {
  const format = args.flags.json === true ? "json" : ((args.flags.format as string | undefined) ?? "tree");
  if (!(GRAPH_FORMATS as readonly string[]).includes(format)) {
    const near = suggest(format, GRAPH_FORMATS);
    showFailures(screen, [
      inputFailure(`unknown format "${format}"`, {
        fix: near ? `Did you mean "${near}"?` : `There are ${GRAPH_FORMATS.join(", ")}.`,
      }),
    ]);
    return exitCodes.wrongInput;
  }
  return withPlan(args, screen, args.operands, async (plan) => {
    const nodes = plan.targets.map(({ name, dependsOn, state, items, description }) => ({
      name,
      dependsOn,
      state,
      ...(items && { items }),
      ...(description !== undefined && { description }),
    }));
    const drawing = await drawGraph(nodes, {
      format: format as GraphFormat,
      palette: paletteOf(screen),
      ...(screen.width !== undefined && { width: screen.width }),
    });
    screen.write(drawing.endsWith("\n") ? drawing : `${drawing}\n`);
    return exitCodes.done;
  });
}
