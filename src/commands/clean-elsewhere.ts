// What `exp clean` does about work that is under way elsewhere for what was cleaned: tells of it, and ends it if it is asked to.

import { modalOutpost } from "../project/containers-elsewhere.ts";
import { sweepAt, workAt, type Outpost } from "../project/elsewhere.ts";
import { slurmOutpost } from "../project/jobs-elsewhere.ts";
import type { Arguments } from "./arguments.ts";
import type { Asked } from "./asking.ts";
import type { Screen } from "./screen.ts";

/** Work under way elsewhere whose results no build will ask for: cleaned away before they are there. */
export interface WorkLeft {
  readonly where: string;
  /** Null: the place does not answer. */
  readonly batches: number | null;
  readonly isEnded: boolean;
}

/** Once the run is given back, for a build may wait for it. */
export async function endElsewhere(
  asked: Asked,
  targets: readonly string[],
  args: Arguments,
  screen: Screen,
): Promise<readonly WorkLeft[]> {
  const left: WorkLeft[] = [];
  for (const outpost of [slurmOutpost(asked.project), modalOutpost(asked.project)])
    try {
      const at = await endAt(outpost, asked, targets, args, screen);
      if (at !== undefined) left.push({ where: outpost.name, ...at });
    } finally {
      outpost.close();
    }
  return left;
}

async function endAt(
  outpost: Outpost,
  { project, run }: Asked,
  targets: readonly string[],
  args: Arguments,
  screen: Screen,
): Promise<Omit<WorkLeft, "where"> | undefined> {
  const asked = { runs: [run.folder.id], targets };
  const { submitted, isKnown } = await workAt(outpost, project, asked);
  const unwanted = submitted.filter(({ holder }) => holder === undefined);
  if (!isKnown && unwanted.length > 0) return { batches: null, isEnded: false };
  const batches = unwanted.reduce((sum, { running, waiting }) => sum + running + waiting, 0);
  if (batches === 0) return undefined;
  const which = batches === 1 ? "1 batch waits or runs" : `${batches} batches wait or run`;
  const question = `${which} on ${outpost.name} for what was cleaned. End ${batches === 1 ? "it" : "them"}? [Y/n] `;
  const answer = args.flags.sweep === true ? "yes" : args.flags.json === true ? "no" : await screen.ask(question);
  if (answer === undefined || /^n/i.test(answer.trim())) return { batches, isEnded: false };
  const { isWhole } = await sweepAt(outpost, project, asked);
  return { batches, isEnded: isWhole };
}

export function wordLeft({ where, batches, isEnded }: WorkLeft): string {
  if (batches === null)
    return `whether what was submitted for it still runs is not known, since ${where} does not answer: exp sweep ends it`;
  const one = batches === 1;
  return isEnded
    ? `${one ? "the batch" : `the ${batches} batches`} that ran on ${where} for it ${one ? "was" : "were"} ended`
    : `${one ? "1 batch waits or runs" : `${batches} batches wait or run`} on ${where} for what was cleaned, which no build will take: exp sweep ends ${one ? "it" : "them"}`;
}
