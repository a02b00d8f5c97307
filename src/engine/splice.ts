// A target whose result is another run's, as given: its key is the content alone. Nothing upstream of it is looked at.

import type { InputRecord } from "../planning/fingerprint/action-key.ts";
import { actionKey, coreKey, recordFormat, type ActionRecord } from "../planning/fingerprint/action-key.ts";
import type { ActionResult, Artifact } from "../model/action.ts";
import type { Digest } from "../model/digest.ts";
import type { GraphTarget } from "../planning/graph.ts";
import type { PreparedAction } from "./actions.ts";
import type { Assessment } from "./assess.ts";
import { slotOrderOf } from "./recorded.ts";
import type { Session } from "./session.ts";

/** A result that was made elsewhere. `from` is for people: `old@3:generate`. */
export interface Given {
  readonly from: string;
  readonly result: ActionResult;
  /** By slot, as records write it down. */
  readonly outputs: Readonly<Record<string, string>>;
}

/** The core key of what is given: equal content has an equal key, whoever gave it. */
export function keyOfGiven(given: Given): Digest {
  return coreKey(recordOf(given));
}

function recordOf({ result, outputs }: Given): ActionRecord {
  return {
    format: recordFormat,
    part: "splice",
    code: { kind: "builtin", name: "splice" },
    version: 1,
    config: {},
    inputs: Object.fromEntries(
      Object.entries(result.outputs).map(([slot, artifact]) => [slot, inputOf(artifact, outputs[slot] ?? "file ")]),
    ),
    outputs,
    environment: {},
    tools: {},
    items: null,
  };
}

function inputOf(artifact: Artifact, declared: string): InputRecord {
  if (artifact.kind === "absent") return { kind: "absent" };
  if (artifact.kind === "tree") return { kind: "tree", digest: artifact.blob.digest };
  const { format, ext } = slotOrderOf(declared);
  return { kind: "file", digest: artifact.blob.digest, ext, format };
}

export function assessGiven(session: Session, target: GraphTarget, given: Given): Assessment {
  const record = recordOf(given);
  const core = coreKey(record);
  const own = session.trace.find(core);
  const { outputs } = target.declaration.contract;
  if (own !== undefined && session.places.isPlaced(target.name, outputs, own.result.outputs))
    return { kind: "settled", core, split: undefined, result: own.result, how: "fresh", states: undefined };
  const action: PreparedAction = {
    record,
    core,
    key: actionKey(core, "builtin", session.nodeMajor),
    codeOrder: { kind: "command", argv: [], files: [] },
    codeFiles: [],
    outputs,
    environment: {},
    secrets: {},
    missingSecrets: [],
    options: { resources: {} },
  };
  const adopt = own?.result ?? given.result;
  const reasons =
    own === undefined ? [{ kind: "spliced" as const, from: given.from }] : [{ kind: "displaced" as const }];
  return {
    kind: "due",
    stage: { kind: "action", part: "splice", action, inputs: {}, adopt, reasons, items: undefined },
  };
}
