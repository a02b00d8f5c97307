// What an action made the second time, held against what is recorded: the same, or where it differs first and why it may.

import { copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { unpaid, type Outcome } from "../backends/executors/executor.ts";
import type { Part } from "../backends/store/trace-lines.ts";
import { digestOfArtifact, type ActionResult, type Artifact, type Artifacts } from "../model/action.ts";
import { digestOfBytes, type BlobRef, type Digest } from "../model/digest.ts";
import type { Difference, Verdict } from "../model/recheck.ts";
import type { PreparedAction } from "./actions.ts";
import { ContentLost } from "./contents.ts";
import { firstDifference, type Side } from "./difference.ts";
import { fileNameOf, splitSlot, type Item } from "./fan-out.ts";
import { verdictText } from "./gate.ts";
import { listingOf, type Content, type FindContent } from "./recorded.ts";
import { costsTooMuch } from "./work.ts";

export interface VerdictContext {
  readonly find: FindContent;
  /** Where outputs that differ are kept to be looked at; named from `root`. */
  readonly differsFolder: string;
  readonly root: string;
  /** From now on `find` gives the new content where the recorded one is lost. */
  readonly substitute: (recorded: Digest, made: Artifact) => void;
}

/** Whose action was run again, and what it had made. */
export interface Made {
  readonly target: string;
  readonly part: Part;
  readonly item?: Item;
  readonly recorded: ActionResult;
}

export async function verdictOn(
  context: VerdictContext,
  task: Made,
  action: PreparedAction,
  outcome: Exclude<Outcome, { kind: "not-begun" }>,
): Promise<Verdict> {
  if (outcome.kind === "failed") {
    if (outcome.message.includes(unpaid)) return notRun(`${outcome.message}; --paid allows it`);
    const details =
      outcome.stack === undefined
        ? []
        : outcome.stack
            .split("\n")
            .slice(1, 6)
            .map((line) => line.trim());
    return { kind: "failed", message: outcome.message, details };
  }
  if (outcome.kind === "unaffordable") return notRun(outcome.message ?? costsTooMuch);
  if (outcome.kind === "vanished") return notRun(`${outcome.path} was deleted while it ran: run the command again`);
  const made = outputsOf(task.part, outcome);
  const slots = [...new Set([...Object.keys(task.recorded.outputs), ...Object.keys(made)])].filter(
    (slot) => digestIn(task.recorded.outputs, slot) !== digestIn(made, slot),
  );
  if (slots.length === 0) return { kind: "same" };
  const differences: Difference[] = [];
  for (const slot of slots) differences.push({ slot, ...(await differenceIn(context, task, action, slot, made)) });
  for (const slot of slots) {
    const before = digestIn(task.recorded.outputs, slot);
    // What reads it can at least be run on what came out now.
    if (before !== "absent" && made[slot] !== undefined) context.substitute(before, made[slot]);
  }
  const kept = keep(context, task, action, slots, made);
  const isVectorised = action.record.code.kind === "module" && action.record.code.vectorised;
  const { varies } = action.options;
  const because = [
    ...(varies === undefined ? [] : [varies]),
    ...(isVectorised ? ["a vectorised recipe: floats differ with the items that travel together"] : []),
  ];
  return { kind: "differs", differences, because, isDeclared: because.length > 0, kept };
}

function outputsOf(part: Part, outcome: Extract<Outcome, { kind: "done" }>): Artifacts {
  if (part !== "split" && part !== "gate") return outcome.outputs;
  const value = outcome.value ?? null;
  return part === "split"
    ? { [splitSlot]: textArtifact(JSON.stringify(value)) }
    : { verdict: textArtifact(verdictText(value)) };
}

function textArtifact(text: string): Artifact {
  return { kind: "file", blob: { digest: digestOfBytes(text), size: Buffer.byteLength(text) }, text };
}

function digestIn(outputs: Artifacts, slot: string): Digest | "absent" {
  const artifact = outputs[slot];
  return artifact === undefined ? "absent" : digestOfArtifact(artifact);
}

async function differenceIn(
  { find }: VerdictContext,
  { part, recorded }: Made,
  action: PreparedAction,
  slot: string,
  made: Artifacts,
): Promise<Omit<Difference, "slot">> {
  const before: Artifact = recorded.outputs[slot] ?? { kind: "absent" };
  const after: Artifact = made[slot] ?? { kind: "absent" };
  if (before.kind === "absent" || after.kind === "absent" || before.kind !== after.kind)
    return { where: "", before: said(before), after: said(after) };
  const format = part === "split" || part === "gate" ? "json" : (action.outputs[slot]?.format ?? "file");
  try {
    if (before.kind === "file" && after.kind === "file")
      return await firstDifference(format, sideOf(before, find), sideOf(after, find));
    const filesOf = ({ blob }: { readonly blob: BlobRef }) =>
      new Map(listingOf(slot, blob.digest, find).map(([name, digest]) => [name, digest]));
    const [old, now] = [filesOf(before), filesOf(after)];
    for (const name of [...new Set([...old.keys(), ...now.keys()])].sort()) {
      const [was, is] = [old.get(name), now.get(name)];
      if (was === is) continue;
      if (was === undefined || is === undefined)
        return {
          where: name,
          before: was === undefined ? "absent" : "a file",
          after: is === undefined ? "absent" : "a file",
        };
      const found = await firstDifference("file", sideOfDigest(was, find), sideOfDigest(is, find));
      return { ...found, where: `${name}, ${found.where}` };
    }
  } catch (error) {
    if (!(error instanceof ContentLost)) throw error;
  }
  // The recorded content is nowhere any more: its digest is all that is left of it.
  return { where: "", before: said(before), after: said(after) };
}

function said(artifact: Artifact): string {
  return artifact.kind === "absent"
    ? "absent"
    : `sha256 ${artifact.blob.digest.slice(0, 12)}…, ${artifact.blob.size} bytes`;
}

function sideOf(artifact: Extract<Artifact, { kind: "file" }>, find: FindContent): Side {
  return artifact.text === undefined ? sideOfDigest(artifact.blob.digest, find) : { text: artifact.text };
}

function sideOfDigest(digest: Digest, find: FindContent): Content {
  const content = find(digest);
  if (content === undefined) throw new ContentLost(digest);
  return content;
}

/** Puts outputs that differ where somebody can look at them. Trees are not copied: their first difference names the file. */
function keep(
  { differsFolder, root, find }: VerdictContext,
  { target, part, item }: Made,
  action: PreparedAction,
  slots: readonly string[],
  made: Artifacts,
): string {
  const folder = join(
    differsFolder,
    target,
    ...(item !== undefined ? [fileNameOf(item)] : part === "split" ? ["split"] : []),
  );
  mkdirSync(folder, { recursive: true });
  for (const slot of slots) {
    const artifact = made[slot];
    if (artifact?.kind !== "file") continue;
    const to = join(folder, `${slot}${action.outputs[slot]?.ext ?? ".json"}`);
    const content = artifact.text === undefined ? find(artifact.blob.digest) : { text: artifact.text };
    if (content === undefined) continue;
    if ("path" in content) copyFileSync(content.path, to);
    else writeFileSync(to, content.text);
  }
  return relative(root, folder);
}

export function notRun(why: string): Verdict {
  return { kind: "not-run", why };
}
