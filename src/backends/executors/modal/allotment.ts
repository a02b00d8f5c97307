// What a container is given: of the options and resources of an action, in Modal's units. Pure; asks nobody.

import type { ModalImage, ModalOptions } from "../../../api/modal.ts";
import type { Resources } from "../../../api/rule.ts";
import { fail, ok, type Result } from "../../../util/result.ts";
import type { Priced } from "./prices.ts";

export interface Allotment extends Priced {
  /** Of a container: whole seconds, as Modal takes them, within what it allows. */
  readonly lifetimeSeconds: number;
  readonly image: ModalImage;
  readonly secrets: readonly string[];
}

const mostSeconds = 24 * 60 * 60;
const hourSeconds = 60 * 60;
/** Fetching inputs, starting workers, sending what was made: beside the time of the actions themselves. */
const ownSeconds = 120;
/** Node's own, and what reads the order and keeps the results. */
const ownMiB = 256;
const usualMiB = 1024;

export interface AllotmentRequest {
  readonly options: ModalOptions;
  readonly resources: Resources;
  /** The time limit of one action, and how many of them travel together. */
  readonly timeoutMs: number | undefined;
  readonly actions: number;
  /** Times what is asked for: after a container that ran out of its time or memory. */
  readonly moreTime: number;
  readonly moreMemory: number;
  readonly nodeMajor: number;
}

/** Or what a person has to say before it can be had. */
export function allot(request: AllotmentRequest): Result<Allotment, string> {
  const { options, resources, moreMemory } = request;
  const gpu = gpuOf(options.gpu, resources.gpu);
  if (!gpu.ok) return gpu;
  const memory = options.memory ?? (resources.memory === undefined ? usualMiB : resources.memory + ownMiB);
  return ok({
    gpu: gpu.value,
    cpu: options.cpu ?? Math.max(1, resources.cpu ?? 1),
    memoryMiB: Math.ceil(memory * moreMemory),
    regions: options.regions ?? [],
    lifetimeSeconds: lifetimeOf(request),
    image: imageOf(options.image, request.nodeMajor),
    secrets: options.secrets ?? [],
  });
}

/** "H100:2", or "H100" and a number beside it. */
function gpuOf(said: string | undefined, count: number | undefined): Result<Allotment["gpu"], string> {
  if (said === undefined)
    return (count ?? 0) === 0
      ? ok(undefined)
      : fail(`it asks for ${count} GPU${count === 1 ? "" : "s"} and does not say of which kind: modal: { gpu: "L4" }`);
  const [kind = "", number] = said.split(":");
  if (number !== undefined && count !== undefined && Number(number) !== count)
    return fail(`it asks for ${count} GPU${count === 1 ? "" : "s"} (resources) and for ${said} (modal)`);
  if (count === 0) return ok(undefined);
  return ok({ kind, count: number === undefined ? (count ?? 1) : Number(number) });
}

function lifetimeOf({ options, timeoutMs, actions, moreTime }: AllotmentRequest): number {
  const asked =
    options.time !== undefined
      ? options.time * 60
      : timeoutMs !== undefined
        ? (timeoutMs / 1000) * actions + ownSeconds
        : hourSeconds;
  return Math.min(mostSeconds, Math.max(1, Math.ceil(asked * moreTime)));
}

export function imageOf(said: ModalOptions["image"], nodeMajor: number): ModalImage {
  if (said === undefined) return { from: `node:${nodeMajor}-slim` };
  return typeof said === "string" ? { from: said } : said;
}

/** Under 64 KiB altogether, or Modal refuses it. */
export const mostArgvBytes = 65_536;

export function argvProblem(argv: readonly string[]): string | undefined {
  const bytes = argv.reduce((sum, word) => sum + Buffer.byteLength(word), 0);
  return bytes < mostArgvBytes
    ? undefined
    : `its command line has ${bytes} bytes, and Modal takes less than ${mostArgvBytes}`;
}

/** What names may be made of at Modal: letters, digits, `-`, `_` and `.`, less than 64 of them. */
export function nameOf(...parts: readonly string[]): string {
  return parts
    .join("-")
    .replaceAll(/[^\w.-]/g, "_")
    .slice(0, 63);
}
