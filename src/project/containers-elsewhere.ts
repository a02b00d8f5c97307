// Modal as people ask it: which of the project's containers run there. Asked only if the project has used it.

import type { Cloud, ContainerHandle } from "../backends/executors/modal/cloud.ts";
import { notedContainers } from "../backends/executors/modal/vessel.ts";
import type { Submission } from "../backends/executors/remote/batches.ts";
import { containerPrefixOf, containerSubmissions, openCarrierOf, reopenModal, whyNoModal } from "./containers.ts";
import type { Live, Outpost, Sight } from "./elsewhere.ts";
import { modalUse } from "./modal-use.ts";
import type { Project } from "./project.ts";

export function modalOutpost(project: Project): Outpost {
  const use = modalUse(project);
  let opening: Promise<Cloud | undefined> | undefined;
  const cloudOf = () => (opening ??= use === undefined ? Promise.resolve(undefined) : reopenModal(project, use));
  /** Containers that run, of submissions that were seen. */
  const ids = new Map<Submission, readonly string[]>();
  return {
    name: "Modal",
    submissionsOf: containerSubmissions,
    async see(submissions, findsStrays): Promise<Sight> {
      if (use === undefined) return { isKnown: true, live: new Map(), strays: [] };
      const problem = whyNoModal(project)?.what;
      if (problem !== undefined) return { isKnown: false, problem, live: new Map(), strays: [] };
      const cloud = await cloudOf();
      const listed = await cloud?.list({ exp: containerPrefixOf(project) });
      if (cloud === undefined || listed?.ok !== true) return { isKnown: false, live: new Map(), strays: [] };
      const all = new Set(listed.value.map(({ id }) => id));
      const live = new Map<Submission, Live>();
      for (const submission of submissions) {
        const noted = [...notedContainers(submission.folder).values()];
        const named = await Promise.all(noted.map(async ({ id, name }) => id ?? (await findId(cloud, name))));
        const running = named.filter((id): id is string => id !== undefined && all.has(id));
        ids.set(submission, running);
        // Until its driver has begun them they wait here, and are nobody's when it is gone.
        live.set(submission, {
          ...{ running: running.length, waiting: 0, reasons: [], nodes: ["Modal"] },
          over: noted.length - running.length,
        });
      }
      const own = new Set([...ids.values()].flat());
      const lost = findsStrays ? [...all].filter((id) => !own.has(id)) : [];
      const strays = await Promise.all(lost.map(async (id) => ({ job: id, name: await nameOf(cloud, { id }) })));
      return { isKnown: true, live, strays };
    },
    async open(warn) {
      const cloud = await cloudOf();
      return cloud === undefined ? undefined : openCarrierOf(project, cloud, use!, warn);
    },
    async end(submissions, strays) {
      const meant = [...submissions.flatMap((one) => ids.get(one) ?? []), ...strays.map(({ job }) => job)];
      const cloud = await cloudOf();
      const ends = await Promise.all(meant.map((id) => cloud!.end({ id })));
      return ends.every(({ ok }) => ok);
    },
    // Whoever asked it has heard of an error.
    close: () =>
      void opening?.then(
        (cloud) => cloud?.close(),
        () => undefined,
      ),
  };
}

/** A driver that was killed between the answer and writing it down. */
async function findId(cloud: Cloud, name: string): Promise<string | undefined> {
  const found = await cloud.find(name);
  return found.ok ? found.value?.id : undefined;
}

async function nameOf(cloud: Cloud, handle: Pick<ContainerHandle, "id">): Promise<string> {
  const tags = await cloud.tagsOf(handle);
  return tags.ok ? `run ${tags.value.run}, target ${tags.value.target}` : "a container of Modal";
}
