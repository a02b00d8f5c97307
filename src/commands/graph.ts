// `exp graph`: the targets, coloured by state, fan-outs with their counts.

import { drawGraph, type GraphFormat } from "../ui/graph.ts";
import type { Arguments } from "./arguments.ts";
import { withPlan } from "./plan.ts";
import { paletteOf, type Screen } from "./screen.ts";
import { exitCodes } from "./table.ts";

export async function graph(args: Arguments, screen: Screen): Promise<number> {
  const format = args.flags.json === true ? "json" : ((args.flags.format as string | undefined) ?? "tree");
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
