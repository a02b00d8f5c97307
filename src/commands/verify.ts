// `exp verify`: runs a random sample of finished actions again, each alone, and compares: finds inputs that are not declared, and chance.

import { findPoint } from "../runs/point.ts";
import type { Arguments } from "./arguments.ts";
import { findProject, openAsked } from "./asking.ts";
import { recheck } from "./rechecking.ts";
import { showFailures, type Screen } from "./screen.ts";
import { exitCodes } from "./table.ts";

/** Of each fan-out, if nothing is said: enough to meet a fault of one item in ten nine times of ten. */
const usualSample = 20;

export async function verify(args: Arguments, screen: Screen): Promise<number> {
  const project = await findProject(screen);
  if (!project.ok) {
    showFailures(screen, project.error);
    return exitCodes.wrongInput;
  }
  try {
    const asked = await openAsked(project.value, args);
    if (!asked.ok) {
      showFailures(screen, asked.error);
      return exitCodes.wrongInput;
    }
    const point = findPoint(project.value.paths.runs, asked.value.run.folder.id);
    if (!point.ok) {
      showFailures(screen, [point.error]);
      return exitCodes.wrongInput;
    }
    const { graph } = asked.value.run;
    // A target is verified by itself: what it reads is taken as recorded.
    const names = asked.value.asked.map((index) => graph.targets[index]!.name);
    return await recheck(project.value, args, screen, {
      point: point.value,
      targets: names,
      isolated: true,
      asMade: false,
      sample: usualSample,
      title: [],
    });
  } finally {
    project.value.close();
  }
}
