// `exp verify`: runs a random sample of finished actions again, each alone, and compares: finds inputs that are not declared, and chance.

import { findPoint } from "../runs/point.ts";
import type { Arguments } from "./arguments.ts";
import { withAsked } from "./asking.ts";
import { recheck } from "./rechecking.ts";
import { showFailures, type Screen } from "./screen.ts";
import { exitCodes } from "./table.ts";

/** Of each fan-out, if nothing is said: enough to meet a fault of one item in ten nine times of ten. */
const usualSample = 20;

export function verify(args: Arguments, screen: Screen): Promise<number> {
  return withAsked(args, screen, async ({ project, run, asked }) => {
    const point = findPoint(project.paths.runs, run.folder.id);
    if (!point.ok) {
      showFailures(screen, [point.error]);
      return exitCodes.wrongInput;
    }
    return recheck(project, args, screen, {
      point: point.value,
      // A target is verified by itself: what it reads is taken as recorded.
      targets: asked.map((index) => run.graph.targets[index]!.name),
      isolated: true,
      asMade: false,
      sample: usualSample,
      title: [],
    });
  });
}
