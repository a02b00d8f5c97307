// `exp cache pull`: brings here what a build would take from the shared cache, so that it can be done without it.

import { fetchTargets } from "../engine/fetch.ts";
import { openSession, useStores } from "../project/project.ts";
import { countOf, formatBytes } from "../report/amounts.ts";
import { ok } from "../util/result.ts";
import { openAsked } from "./asking.ts";
import type { Answer, Surroundings } from "./cache.ts";
import { exitCodes } from "./table.ts";

export async function pull({ shared, project, args, screen }: Surroundings, names: readonly string[]): Promise<Answer> {
  const asked = await openAsked(project, args, names);
  if (!asked.ok) return asked;
  const { run, needed } = asked.value;
  // What comes must not be swept meanwhile.
  const using = useStores(project, "exp cache pull");
  const session = openSession(project, run, { onSetAside: () => undefined, mayWrite: () => false, shared });
  try {
    const targets = await fetchTargets(session, needed, screen.now());
    if (!targets.ok) return targets;
    await shared.settle(Infinity);
    const due = targets.value.filter(({ state }) => state !== "here");
    const { results, bytes } = shared.fetched;
    return ok({
      json: { place: shared.place, run: run.folder.id, results, bytes, targets: targets.value },
      lines: [
        `${shared.place}: brought ${countOf(results, "result")}, ${formatBytes(bytes)}`,
        due.length === 0
          ? `a build of run ${run.folder.id} has nothing to compute`
          : `a build of run ${run.folder.id} has to compute or wait for: ${due.map(({ name }) => name).join(", ")}`,
      ],
      exitCode: shared.hasFailed ? exitCodes.failed : due.length > 0 ? exitCodes.incomplete : exitCodes.done,
    });
  } finally {
    session.close();
    using?.release();
  }
}
