// The cache that a team shares: where it is by flag, environment or Expfile, and how it is spoken to. Another of the files that name concrete stores.

import { isAbsolute, join, resolve } from "node:path";
import { performance } from "node:perf_hooks";
import type { SharedCacheSettings } from "../api/shared-cache.ts";
import { Breaker } from "../backends/store/breaker.ts";
import { SharedCache } from "../backends/store/shared-cache.ts";
import { SharedFolder } from "../backends/store/shared-folder.ts";
import type { SharedStore } from "../backends/store/shared.ts";
import { inputFailure, type Failure } from "../model/failure.ts";
import { fail, ok, type Result } from "../util/result.ts";
import { withoutPasswords } from "../util/url.ts";
import type { Project } from "./project.ts";

/** Variables of the environment that say where it is, and how to be let in. No worker sees them. */
export const sharedVariables = {
  place: "EXP_SHARED_CACHE",
  key: "EXP_SHARED_CACHE_KEY",
  token: "EXP_SHARED_CACHE_TOKEN",
  publish: "EXP_SHARED_CACHE_PUBLISH",
  patience: "EXP_SHARED_CACHE_PATIENCE",
} as const;

const width = 16;
const patienceSeconds = 10;

export interface SharedRequest {
  /** `--shared`. */
  readonly flag: string | undefined;
  /** What the Expfile says. */
  readonly declared: string | SharedCacheSettings | undefined;
  readonly warn: (text: string) => void;
}

/** Undefined: none is wanted. The flag counts over the environment, and that over the Expfile. */
export async function openShared(
  project: Project,
  { flag, declared, warn }: SharedRequest,
): Promise<Result<SharedCache | undefined, readonly Failure[]>> {
  const { environment, paths } = project;
  const settings = typeof declared === "string" ? { at: declared } : declared;
  const variable = environment[sharedVariables.place];
  const said = [
    { at: flag, by: "--shared" },
    { at: variable === "" ? undefined : variable, by: sharedVariables.place },
    { at: settings?.at, by: "experiments({ … }, { cache: { shared } })" },
  ].find(({ at }) => at !== undefined);
  if (said?.at === undefined || said.at === "off") return ok(undefined);
  const remote = await storeAt(said.at, paths.root, environment[sharedVariables.token]);
  if (remote === "needs a package")
    return fail([
      inputFailure(`${said.by} names a bucket of S3, and the package @aws-sdk/client-s3 is not installed`, {
        fix: "npm install @aws-sdk/client-s3",
      }),
    ]);
  if (remote === undefined)
    return fail([
      inputFailure(`${said.by} names no shared cache: ${JSON.stringify(withoutPasswords(said.at))}`, {
        fix: 'Give a folder ("/mnt/team/exp-cache"), "https://…", "s3://BUCKET/PREFIX", or "off".',
      }),
    ]);
  const publish = environment[sharedVariables.publish];
  const patience = Number(environment[sharedVariables.patience] || patienceSeconds);
  if (!(patience > 0))
    return fail([
      inputFailure(`${sharedVariables.patience} is no number of seconds: ${environment[sharedVariables.patience]}`),
    ]);
  return ok(
    new SharedCache({
      remote,
      local: [project.store, project.archiveBlobs],
      partials: join(paths.cache, "partial"),
      breakers: { reading: openBreaker(), writing: openBreaker() },
      secret: environment[sharedVariables.key] || undefined,
      mayWrite: publish === undefined || publish === "" ? (settings?.publish ?? true) : publish !== "0",
      width,
      patienceMs: patience * 1000,
      warn,
    }),
  );
}

function openBreaker(): Breaker {
  return new Breaker({ after: 3, restMs: 5000, now: () => performance.now() });
}

async function storeAt(
  at: string,
  root: string,
  token: string | undefined,
): Promise<SharedStore | "needs a package" | undefined> {
  if (/^s3:\/\//i.test(at)) {
    if (!URL.canParse(at) || new URL(at).hostname === "") return undefined;
    const { openSharedS3 } = await import("../backends/store/shared-s3.ts");
    return (await openSharedS3({ url: at, width })) ?? "needs a package";
  }
  if (/^https?:\/\//i.test(at)) {
    if (!URL.canParse(at)) return undefined;
    // Node's http takes longer to load than most builds have to spare.
    const { SharedHttp } = await import("../backends/store/shared-http.ts");
    return new SharedHttp({ url: at, token: token || undefined, width });
  }
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(at) || at.trim() === "") return undefined;
  return new SharedFolder(isAbsolute(at) ? at : resolve(root, at));
}
