// Writes down what a build came to: run.yaml, config.yaml and the history. When something has changed, and now and then while the build goes on.

import { join } from "node:path";
import type { Acceptance } from "../backends/store/trace-lines.ts";
import type { TargetEnd } from "../engine/bring-up.ts";
import type { Artifacts } from "../model/action.ts";
import type { Digest } from "../model/digest.ts";
import type { GraphTarget } from "../planning/graph.ts";
import { failureLine } from "../report/messages.ts";
import { wordUnpaid } from "../report/money.ts";
import { headline } from "../report/reasons.ts";
import { runFormat, type Change, type RunState } from "../runs/run.ts";
import { Stages, StageText, type Noted, type StageState } from "../runs/stages.ts";
import { readTextIfThere, writeAtomic } from "../util/fs.ts";
import type { StatText } from "../util/stat.ts";
import { withoutPasswords } from "../util/url.ts";
import { who } from "../util/who.ts";
import type { OpenRun } from "../project/open-run.ts";
import { version } from "../project/version.ts";

interface Outcome {
  readonly outcome: string;
  readonly costUsd: number;
  readonly maxUsd: number | undefined;
}

interface RecordOptions {
  readonly startedAt: number;
  readonly build: number;
  /** Whether the run is still held: the record of a run that another build took over is that build's to write. */
  readonly mayWrite: () => boolean;
  /** Keeps a text in the archive. */
  readonly keep: (text: string) => Digest;
  /** The outputs that were left with others, by slot: where they are. */
  readonly leftOf: (target: GraphTarget, artifacts: Artifacts) => ReadonlyMap<string, string>;
}

export class RunRecord {
  readonly #run: OpenRun;
  readonly #build: number;
  readonly #startedAt: number;
  readonly #mayWrite: () => boolean;
  readonly #keep: (text: string) => Digest;
  readonly #leftOf: RecordOptions["leftOf"];
  readonly #before: Stages;
  readonly #stages = new Map<string, Noted>();
  readonly #changed: Record<string, Change> = {};
  /** A target was recalled by what was noted when the last build was complete: the graph is as it was then, and the stages stay in their order. */
  #isInOrder = false;
  /** The stat of the record as this build has written it, or read it as an earlier one wrote it. */
  #known: StatText | undefined;
  #saved: number;

  constructor(run: OpenRun, { startedAt, build, mayWrite, keep, leftOf }: RecordOptions) {
    this.#run = run;
    this.#build = build;
    this.#startedAt = startedAt;
    this.#saved = startedAt;
    this.#mayWrite = mayWrite;
    this.#keep = keep;
    this.#leftOf = leftOf;
    this.#before = run.state?.targets ?? Stages.of({});
    this.#known = this.#before.isInLines ? run.recordSeen : undefined;
  }

  /** The stat of the record, if nobody else has touched it: then the next build need not read it. */
  get known(): StatText | undefined {
    return this.#known;
  }

  /** Before any work: a build that is killed must not take the config that the run follows with it. */
  begin(): void {
    const { state } = this.#run;
    if (JSON.stringify(state?.config) === JSON.stringify(this.#followed)) return;
    this.#write(state?.builds ?? 0);
  }

  note(target: GraphTarget, end: TargetEnd): void {
    // What was noted may have been lost.
    const isNoted = end.kind === "done" && end.isNoted && this.#before.isInLines;
    if (isNoted) this.#isInOrder = true;
    const isFresh = end.kind === "done" && end.origin === "fresh" && end.accepted === undefined;
    if (isFresh && !this.#stages.has(target.name) && (isNoted || this.#before.standsOn(target.name, end.core))) return;
    this.#before.lookNear(target.index / this.#run.graph.targets.length);
    const stage = this.#stageOf(target, end);
    if (stage !== undefined) this.#stages.set(target.name, stage);
    if (end.kind === "done" && end.origin !== "fresh")
      this.#changed[target.name] = { origin: end.origin, key: end.core, reason: headline(end.reasons) };
    if (end.kind === "failed")
      this.#changed[target.name] = {
        origin: "failed",
        key: "",
        reason: end.failures[0] === undefined ? "" : this.#run.secrets.mask(failureLine(end.failures[0])),
        because: headline(end.reasons),
      };
    if (end.kind === "unaffordable")
      this.#changed[target.name] = {
        origin: "unaffordable",
        key: "",
        reason: this.#run.secrets.mask(wordUnpaid(end.unpaid)),
        because: headline(end.reasons),
      };
    // The record of a long build is kept near the truth without rewriting it for each of ten thousand targets.
    if (Date.now() - this.#saved > 2000 && Object.keys(this.#changed).length > 0) this.#write(this.#build);
  }

  save({ outcome, costUsd, maxUsd }: Outcome, command: readonly string[], now: number): void {
    if (!this.#mayWrite()) return;
    const { folder, state } = this.#run;
    const changedConfig = JSON.stringify(state?.config) !== JSON.stringify(this.#followed);
    const changed = Object.keys(this.#changed).length > 0;
    if (changed || state === undefined) {
      folder.addToHistory({
        build: this.#build,
        at: new Date(this.#startedAt).toISOString(),
        took_ms: Math.round(now - this.#startedAt),
        outcome,
        cost_usd: costUsd,
        ...(maxUsd !== undefined && { max_usd: maxUsd }),
        command: command.map((word) => this.#run.secrets.mask(withoutPasswords(word))),
        config: { ...this.#followed, source: this.#run.source },
        resolved: this.#keep(this.#run.configText),
        exp: version,
        node: process.version,
        by: who(),
        changed: this.#changed,
      });
    }
    if (changed || changedConfig || state === undefined || this.#stages.size > 0)
      this.#write(changed || state === undefined ? this.#build : (state?.builds ?? 0));
    if (this.#run.source !== relativeConfig(folder.id) && readTextIfThere(folder.configFile) !== this.#run.configText)
      writeAtomic(folder.configFile, this.#run.configText);
  }

  /** What the run follows. A source that is gone may come back: it stays the source. */
  get #followed(): RunState["config"] {
    const { folder, state, source, overrides, splices } = this.#run;
    const isOwnRecord = source === relativeConfig(folder.id) && state !== undefined;
    const from = [...splices.values()].map((splice) => splice.from);
    return { source: isOwnRecord ? state.config.source : source, overrides, ...(from.length > 0 && { from }) };
  }

  #write(builds: number): void {
    if (!this.#mayWrite()) return;
    const { folder, state, document } = this.#run;
    const order = () => this.#run.graph.targets.map((target) => target.name);
    const next: RunState = {
      format: runFormat,
      run: folder.id,
      experiment: this.#run.graph.experiment,
      created: state?.created ?? new Date(this.#startedAt).toISOString(),
      builds,
      config: this.#followed,
      ...(Object.keys(document.header.notes).length > 0 && { notes: document.header.notes }),
      targets:
        (this.#isInOrder ? this.#before.replaced(this.#stages) : undefined) ?? this.#before.with(this.#stages, order()),
    };
    folder.save(next, builds !== state?.builds);
    this.#known = folder.recordStat();
    this.#saved = Date.now();
  }

  #noted({ name }: GraphTarget): StageState | undefined {
    const noted = this.#stages.get(name);
    return noted instanceof StageText ? noted.state : noted;
  }

  #old(target: GraphTarget): StageState | undefined {
    return this.#noted(target) ?? this.#before.get(target.name);
  }

  /** Of a target that stands where it stood, with its outputs put back. Undefined where there is more to be said. */
  #putBackOf(target: GraphTarget, end: Extract<TargetEnd, { kind: "done" }>): StageText | undefined {
    const { name } = target;
    const isPutBack = end.origin === "cached" && end.tookMs + end.costUsd === 0 && end.reasons.length > 0;
    if (!isPutBack || end.items !== undefined || end.accepted !== undefined) return undefined;
    if (this.#stages.has(name) || this.#run.splices.has(name) || this.#leftOf(target, end.artifacts).size > 0)
      return undefined;
    const result = { key: end.core, at: new Date(end.finishedAt).toISOString() };
    return this.#before.putBack(name, result, { build: this.#build, reason: headline(end.reasons) });
  }

  /** Undefined: it is noted as it is. */
  #stageOf(target: GraphTarget, end: TargetEnd): Noted | undefined {
    switch (end.kind) {
      case "done": {
        const asPutBack = this.#putBackOf(target, end);
        if (asPutBack !== undefined) return asPutBack;
        const accepted = acceptedOf(end.accepted);
        // What was made anew mostly owes nothing to what was noted, and that need not be parsed.
        const owesNothing = end.tookMs > 0 && end.reasons.length > 0 && this.#before.costNothing(target.name);
        const old = end.origin !== "fresh" && owesNothing ? this.#noted(target) : this.#old(target);
        const isAsNoted = old?.status === "done" && old.key === end.core && isSame(old.accepted, accepted);
        if (end.origin === "fresh" && isAsNoted) return undefined;
        const { counts, items } = end;
        const splice = this.#run.splices.get(target.name);
        const left = this.#leftOf(target, end.artifacts);
        return {
          status: "done",
          key: end.core,
          at: new Date(end.finishedAt).toISOString(),
          ...spentOf(end, old),
          executor: end.executor,
          ...(items !== undefined && { items, ...counts }),
          build: this.#build,
          ...(splice !== undefined && { from: splice.from }),
          ...(accepted !== undefined && { accepted }),
          reason: end.reasons.length > 0 ? headline(end.reasons) : (old?.reason ?? ""),
          outputs: Object.fromEntries(
            Object.entries(end.artifacts).map(([slot, artifact]) => [
              slot,
              artifact.kind === "absent" ? "absent" : artifact.blob.digest,
            ]),
          ),
          ...(left.size > 0 && { left: Object.fromEntries(left) }),
        };
      }
      case "failed":
        return {
          ...keptOf(this.#old(target)),
          status: "failed",
          build: this.#build,
          failure: end.failures[0] === undefined ? "" : this.#run.secrets.mask(failureLine(end.failures[0])),
        };
      case "unaffordable": {
        const { unpaid, costUsd } = end;
        const old = this.#old(target);
        return {
          ...keptOf(old),
          status: "unaffordable",
          build: this.#build,
          unpaid: this.#run.secrets.mask(wordUnpaid(unpaid)),
          ...(unpaid.items !== undefined && { items: unpaid.items, remaining: unpaid.remaining ?? 0 }),
          spent_usd: (old?.spent_usd ?? 0) + costUsd,
        };
      }
      case "waits":
        return {
          ...keptOf(this.#old(target)),
          status: "waiting",
          build: this.#build,
          waits_for: end.requests.map((request) => request.path),
        };
      case "skipped":
      case "interrupted":
        return this.#old(target) === undefined ? { status: end.kind } : undefined;
    }
  }
}

/** Of what this build did not make itself, what the record knows, which may have been lost: zero would be a statement. */
function spentOf(
  { tookMs, costUsd }: Extract<TargetEnd, { kind: "done" }>,
  old: StageState | undefined,
): Pick<StageState, "took_ms" | "cost_usd"> {
  // Builds that stopped on the way for want of money have paid for the rest.
  const wholeUsd = costUsd + (old?.spent_usd ?? 0);
  if (tookMs > 0) return { took_ms: Math.round(tookMs), cost_usd: wholeUsd > 0 ? wholeUsd : (old?.cost_usd ?? 0) };
  const { took_ms, cost_usd } = old ?? {};
  return { ...(took_ms !== undefined && { took_ms }), ...(cost_usd !== undefined && { cost_usd }) };
}

/** As run.yaml tells of an acceptance; the trace holds all of it. */
export function acceptedOf(acceptance: Acceptance | undefined): StageState["accepted"] {
  if (acceptance === undefined) return undefined;
  const { at, by, because } = acceptance;
  return { at: new Date(at).toISOString(), by, because };
}

/** Not by time: early versions noted it a moment after the trace did. */
function isSame(one: StageState["accepted"], other: StageState["accepted"]): boolean {
  return one?.by === other?.by && one?.because === other?.because;
}

/** What stays true of a stage whose last try did not succeed. */
function keptOf(old: StageState | undefined): Partial<StageState> {
  const { failure: _failure, waits_for: _waits, unpaid: _unpaid, remaining: _remaining, ...rest } = old ?? {};
  return rest;
}

function relativeConfig(run: string): string {
  return join("runs", run, "config.yaml");
}
