// Brings here all that a build would take from others, so that it can be done without them: asks as a build does, adopts what is known into the cache and,
// in memory only, into the trace. Runs nothing, and puts nothing into the run.

import type { ActionResult, Artifacts } from "../model/action.ts";
import type { Failure } from "../model/failure.ts";
import type { GraphTarget } from "../planning/graph.ts";
import { fail, ok, type Result } from "../util/result.ts";
import { assess, bringItems, type Assessment, type DueAction, type DueItems } from "./assess.ts";
import { itemName } from "./fan-out.ts";
import type { Session } from "./session.ts";
import { hasShape } from "./shape.ts";

export interface FetchedTarget {
  readonly name: string;
  /** `here`: a build computes nothing of it. `due`: it computes some or all of it. `unknown`: it depends on something that is due. */
  readonly state: "here" | "due" | "waiting" | "unknown";
}

/** The session must not write its trace. `at`: the time, of uses. */
export async function fetchTargets(
  session: Session,
  needed: readonly number[],
  at: number,
): Promise<Result<readonly FetchedTarget[], readonly Failure[]>> {
  const known = new Map<number, Artifacts>();
  const fetched: FetchedTarget[] = [];
  const failures: Failure[] = [];
  for (const index of needed) {
    const target = session.graph.targets[index]!;
    const recalled = session.given.has(target.name) ? undefined : session.recall(target);
    const isKnown = target.dependsOn.every((upstream) => known.has(upstream));
    const end: End =
      recalled?.lacking.length === 0
        ? { kind: "here", artifacts: recalled.result.outputs }
        : isKnown
          ? await new Fetching(session, target, known, at).run()
          : { kind: "unknown" };
    if (end.kind === "here") known.set(index, end.artifacts);
    if (end.kind === "wrong") failures.push(...end.failures);
    else fetched.push({ name: target.name, state: end.kind });
  }
  return failures.length > 0 ? fail(failures) : ok(fetched);
}

type End =
  | { readonly kind: "here"; readonly artifacts: Artifacts }
  | { readonly kind: "due" | "waiting" | "unknown" }
  | { readonly kind: "wrong"; readonly failures: readonly Failure[] };

class Fetching {
  readonly #session: Session;
  readonly #target: GraphTarget;
  readonly #known: ReadonlyMap<number, Artifacts>;
  readonly #at: number;

  constructor(session: Session, target: GraphTarget, known: ReadonlyMap<number, Artifacts>, at: number) {
    this.#session = session;
    this.#target = target;
    this.#known = known;
    this.#at = at;
  }

  /** Each round adopts a stage or withdraws an offer, so there is a last one. */
  async run(): Promise<End> {
    for (;;) {
      const { graph } = this.#session;
      const end = await this.#round(
        await assess(this.#session, this.#target, (upstream) => ({
          artifacts: this.#known.get(upstream)!,
          target: graph.targets[upstream]!,
        })),
      );
      if (end !== "again") return end;
    }
  }

  #round(assessment: Assessment): Promise<End | "again"> | End {
    switch (assessment.kind) {
      case "wrong":
        return assessment;
      case "waits":
        return { kind: "waiting" };
      case "settled":
        return { kind: "here", artifacts: assessment.result.outputs };
      case "due":
        return assessment.stage.kind === "items" ? this.#items(assessment.stage) : this.#action(assessment.stage);
    }
  }

  async #action({ part, action, adopt }: DueAction): Promise<End | "again"> {
    if (adopt === undefined) return { kind: "due" };
    // What people hand over, or another run gives, is here.
    if (part === "handoff" || part === "splice") return { kind: "here", artifacts: adopt.outputs };
    const { cache, contents, trace } = this.#session;
    const isOwn = trace.find(action.core)?.result === adopt;
    const slots = part === "split" || part === "gate" ? {} : this.#target.declaration.contract.outputs;
    const isHad = hasShape(slots, adopt.outputs) && (await contents.bring(Object.values(adopt.outputs)));
    if (isOwn) return { kind: "here", artifacts: adopt.outputs };
    if (!isHad) {
      cache.withdraw(action.key);
      return cache.get(action.key) === undefined ? "again" : { kind: "due" };
    }
    cache.noteUse(action.key, this.#at);
    if (part !== "split") return { kind: "here", artifacts: adopt.outputs };
    this.#note(part, action, adopt);
    return "again";
  }

  async #items({ states: { items, decisions } }: DueItems): Promise<End | "again"> {
    const { cache, contents } = this.#session;
    const isMergeDue = decisions.some((one) => one.kind === "stale");
    // Without the others a result counts only where its content is; and a merge that has to be run reads all of it.
    await bringItems(
      this.#session,
      items,
      items.all.flatMap((item) => {
        const one = decisions[item.index]!;
        const isRead = one.kind === "cached" || (one.kind === "fresh" && isMergeDue);
        return isRead ? [[item, one.result.outputs] as const] : [];
      }),
    );
    let isDue = false;
    for (const item of items.all) {
      const decision = decisions[item.index]!;
      if (decision.kind === "fresh") continue;
      if (decision.kind === "stale" || !Object.values(decision.result.outputs).every((one) => contents.isStored(one))) {
        isDue = true;
        continue;
      }
      cache.noteUse(item.key, this.#at);
      this.#note("item", item, decision.result, { m: items.templates.get(item.recipe)!.core, l: itemName(item) });
    }
    return isDue ? { kind: "due" } : "again";
  }

  #note(
    part: DueAction["part"] | "item",
    { core, key }: Pick<DueAction["action"], "core" | "key">,
    result: ActionResult,
    more: object = {},
  ): void {
    const line = { t: this.#target.name, p: part, b: 0, c: core, k: key, r: result, how: "cached", ...more } as const;
    this.#session.trace.append(line);
  }
}
