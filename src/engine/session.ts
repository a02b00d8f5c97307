// What a build (or a plan) of one run works with, put together by the composition root. Data and interfaces; no behaviour.

import type { RunOptions } from "../api/rule.ts";
import type { Order } from "../backends/executors/executor.ts";
import type { ActionCache } from "../backends/store/action-cache.ts";
import type { BlobStore } from "../backends/store/store.ts";
import type { Digest } from "../model/digest.ts";
import type { Emit } from "../model/event.ts";
import type { Failure } from "../model/failure.ts";
import type { JsonObject } from "../model/json.ts";
import type { Reason } from "../model/reason.ts";
import type { Frame } from "../planning/bundle/stack.ts";
import type { ActionResult } from "../model/action.ts";
import type { Graph, GraphTarget } from "../planning/graph.ts";
import type { Acceptance } from "../backends/store/trace-lines.ts";
import type { Trace } from "../backends/store/trace.ts";
import type { ActionFactory } from "./actions.ts";
import type { Contents } from "./contents.ts";
import type { InputResolver } from "./inputs.ts";
import type { OutputNeeds } from "./output-needs.ts";
import type { Places } from "./places.ts";
import type { Rebuilder } from "./rebuilder.ts";
import type { Given } from "./splice.ts";
import type { Site } from "./site.ts";
import type { SourceDigests, SourceFile } from "./sources.ts";

/** What a target stands on, known without a look at its inputs. */
export interface Recalled {
  readonly core: Digest;
  /** Places of outputs at which nothing lies any more; all others lie as they were left. */
  readonly lacking: readonly string[];
  /** They lie there again: what depends on the target may be recalled, too. */
  noteRestored(): void;
  /** Looked up when it is asked for. */
  readonly result: ActionResult;
  readonly accepted: Acceptance | undefined;
  /** The run's record says that the target stands on it. */
  readonly isNoted: boolean;
}

/** Enough to decide. */
export interface Session {
  readonly run: string;
  readonly root: string;
  readonly runFolder: string;
  readonly graph: Graph;
  /** The validated config section of each target, by number. */
  readonly sections: readonly JsonObject[];
  /** By the name of a target: what another run made, to be taken as given. */
  readonly given: ReadonlyMap<string, Given>;
  /** Undefined: the target has to be assessed. To be asked in the order of the graph. */
  readonly recall: (target: GraphTarget) => Recalled | undefined;
  readonly nodeMajor: number;
  /** What the config calls its arms, by id. */
  readonly armNames: ReadonlyMap<string, string>;
  readonly trace: Trace;
  readonly cache: ActionCache;
  readonly store: BlobStore;
  /** For what must outlive the cache: handed-over files, splits. */
  readonly archive: BlobStore;
  readonly digests: SourceDigests;
  readonly contents: Contents;
  readonly places: Places;
  readonly needs: OutputNeeds;
  readonly resolver: InputResolver;
  readonly factory: ActionFactory;
  readonly rebuilder: Rebuilder;
}

/** Enough to build. */
export interface BuildSession extends Session {
  readonly build: number;
  /** Where an action of such options runs. */
  readonly siteOf: (part: Order["part"], options: RunOptions) => Site;
  readonly emit: Emit;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
  readonly random: () => number;
  /** `user@host`. */
  readonly who: string;
  readonly logsFolder: string;
  /** Whether the file of a bundle is still there to be run: `cache/` may be deleted while a build goes on. */
  readonly isBundleThere: (file: string) => boolean;
  /** What lies below it may vanish at any time. */
  readonly cacheFolder: string;
  /** Keeps the bundle of a code digest in the archive, before the first result that rests on it. */
  readonly keepCode: (code: Digest) => void;
  /** Keeps files of the project that an action read in the archive, as far as they are not too large. */
  readonly keepSources: (files: readonly SourceFile[]) => void;
  /** Turns a stack of the bundle into one of the sources. */
  readonly mapStack: (bundle: string, stack: string) => readonly Frame[];
  /** Fills in what is cheap to know only when somebody is told: functions and lines behind code, rows and bytes of inputs. */
  readonly explain: (target: string, reasons: readonly Reason[]) => Promise<readonly Reason[]>;
  /** One build at a time computes an action: waits for the other, told by `onWait`; the function returned gives way. */
  readonly claim: (
    key: Digest,
    onWait: (holder: string) => void,
    signal: AbortSignal,
  ) => Promise<(() => void) | undefined>;
  /** Whether this build still holds the run. The trace asks it itself before each commit; others before they touch the run's folder. */
  readonly holdsRun: () => boolean;
  readonly keepGoing: boolean;
  readonly mask: (text: string) => string;
}

export class LostRun extends Error {
  readonly failure: Failure;
  constructor(run: string) {
    super(`run ${run} was taken over`);
    this.failure = {
      kind: "action",
      what: `another build took over the run "${run}" while this one was suspended`,
      fix: "Nothing was lost: run the command again.",
    };
  }
}
