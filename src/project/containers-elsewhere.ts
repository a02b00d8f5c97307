// What the project has running at Modal and not taken in yet: for `exp ps` and `exp sweep`. Asks Modal only if the project has used it.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Cloud, ContainerHandle } from "../backends/executors/modal/cloud.ts";
import { notedContainers } from "../backends/executors/modal/vessel.ts";
import { Submission } from "../backends/executors/remote/batches.ts";
import { runFolders } from "../runs/roots.ts";
import { isMissing, writeAtomic } from "../util/fs.ts";
import { containerPrefixOf, containerSubmissions, openCarrierOf, reopenModal, type ModalUse } from "./containers.ts";
import { holdersOf, whoWaits, type Asked, type SubmittedWork, type SweptWork, type Work } from "./elsewhere.ts";
import { useStores, type Project } from "./project.ts";

const nothing: Work = { submitted: [], strays: [], isKnown: true, warnings: [] };

const useFile = ({ paths }: Project) => join(paths.runs, ".modal.json");

/** Durable: what runs there costs money, also when the run that began it is gone. */
export function noteModalUse(project: Project, { app, environment, volume }: ModalUse): void {
  writeAtomic(useFile(project), JSON.stringify({ app, environment, volume }), { durable: true });
}

function modalUse(project: Project): ModalUse | undefined {
  try {
    return JSON.parse(readFileSync(useFile(project), "utf8")) as ModalUse;
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

/** Whether containers of this project may run. */
export function hasUsedModal(project: Project): boolean {
  return modalUse(project) !== undefined;
}

interface Seen extends Work {
  readonly cloud: Cloud | undefined;
  readonly ids: ReadonlyMap<Submission, readonly string[]>;
}

export async function workAtModal(project: Project, asked: Asked = {}): Promise<Work> {
  const { cloud, ids: _, ...work } = await look(project, asked);
  cloud?.close();
  return work;
}

/** Ends what no build waits for. What it has come to stays for the next build. */
export async function sweepModal(project: Project, { runs = [], targets }: Asked): Promise<SweptWork> {
  const { cloud, ids, submitted, strays, isKnown } = await look(project, { runs, targets });
  const asked = submitted.filter(({ run }) => runs.length === 0 || runs.includes(run));
  const kept = asked.filter(({ holder }) => holder !== undefined);
  const ended = asked.filter((work) => work.holder === undefined && work.running + work.waiting > 0);
  const lost = runs.length === 0 ? strays : [];
  for (const { submission } of ended) submission.folder.giveUp();
  const names = [...ended.flatMap(({ submission }) => ids.get(submission) ?? []), ...lost.map(({ job }) => job)];
  const ends = await Promise.all(names.map((id) => cloud!.end({ id })));
  for (const { submission, running, waiting, holder } of asked)
    if (
      holder === undefined &&
      running + waiting === 0 &&
      isKnown &&
      submission.batches.every((batch) => batch.unasked().length === 0)
    )
      submission.folder.remove();
  cloud?.close();
  return { ended, kept, strays: lost, isWhole: isKnown && ends.every(({ ok }) => ok) };
}

async function look(project: Project, { runs = [], targets }: Asked): Promise<Seen> {
  const none = { cloud: undefined, ids: new Map<Submission, readonly string[]>() };
  const use = modalUse(project);
  if (use === undefined) return { ...nothing, ...none };
  const found = [...runFolders(project.paths.runs)].flatMap(([run, folder]) =>
    containerSubmissions(folder).flatMap((each) => {
      const intent = each.intent();
      const isAsked = targets === undefined || (runs.includes(run) && targets.includes(intent?.target ?? ""));
      return intent === undefined || !isAsked ? [] : [{ run, submission: new Submission(each, intent) }];
    }),
  );
  if (found.length === 0 && targets !== undefined) return { ...nothing, ...none };
  const cloud = await reopenModal(project, use);
  const listed = await cloud?.list({ exp: containerPrefixOf(project) });
  const live = new Set(listed?.ok === true ? listed.value.map(({ id }) => id) : []);
  const isHeard =
    cloud !== undefined &&
    (await hear(
      project,
      cloud,
      use,
      found.map(({ submission }) => submission),
    ));
  const holders = await holdersOf(
    project,
    found.flatMap(({ run, submission }) => [run, ...submission.folder.waiters().keys()]),
  );
  const ids = new Map<Submission, readonly string[]>();
  const submitted: SubmittedWork[] = [];
  for (const { run, submission } of found) {
    const noted = [...notedContainers(submission.folder).values()];
    const named = await Promise.all(noted.map(async ({ id, name }) => id ?? (await findId(cloud, name))));
    const running = named.filter((id): id is string => id !== undefined && live.has(id));
    ids.set(submission, running);
    const over = submission.batches.filter((batch) => batch.hasEnded).length;
    submitted.push({
      ...{ submission, run, running: running.length },
      // Until its driver has begun them they wait here, and are nobody's when it is gone.
      waiting: 0,
      over: Math.max(over, noted.length - running.length),
      actions: submission.batches.reduce((sum, { keys }) => sum + keys.length, 0),
      ended: submission.batches.reduce((sum, batch) => sum + batch.endedCount, 0),
      nodes: ["Modal"],
      holder: whoWaits(submission, run, holders),
    });
  }
  const own = new Set([...ids.values()].flat());
  const lost = targets === undefined ? [...live].filter((id) => !own.has(id)) : [];
  const strays = await Promise.all(lost.map(async (id) => ({ job: id, name: await nameOf(cloud!, { id }) })));
  return {
    submitted: submitted.filter(({ running, holder }) => running > 0 || holder === undefined),
    strays,
    isKnown: listed?.ok === true && isHeard,
    warnings: [],
    cloud,
    ids,
  };
}

/** A driver that was killed between the answer and writing it down. */
async function findId(cloud: Cloud | undefined, name: string): Promise<string | undefined> {
  const found = await cloud?.find(name);
  return found?.ok === true ? found.value?.id : undefined;
}

async function nameOf(cloud: Cloud, handle: Pick<ContainerHandle, "id">): Promise<string> {
  const tags = await cloud.tagsOf(handle);
  return tags.ok ? `run ${tags.value.run}, target ${tags.value.target}` : "a container of Modal";
}

async function hear(
  project: Project,
  cloud: Cloud,
  use: ModalUse,
  submissions: readonly Submission[],
): Promise<boolean> {
  const carrier = openCarrierOf(project, cloud, use, (text) => console.error(`warning: ${text}`));
  const using = useStores(project, "exp ps");
  try {
    const troubles = await Promise.all(
      submissions.map((submission) => carrier.collect(submission.folder, submission.speaking())),
    );
    return troubles.every((trouble) => trouble === undefined);
  } finally {
    for (const submission of submissions) submission.readNews();
    carrier.close();
    using?.release();
  }
}
