// The cache that a team shares: where it is by flag, environment or Expfile, and how it is spoken to. Another of the files that name concrete stores.

import { join } from "node:path";
import { performance } from "node:perf_hooks";
import type { SharedCacheSettings } from "../api/shared-cache.ts";
import { Breaker } from "../backends/store/breaker.ts";
import { SharedCache } from "../backends/store/shared-cache.ts";
import { inputFailure, type Failure } from "../model/failure.ts";
import { fail, ok, type Result } from "../util/result.ts";
import { withoutPasswords } from "../util/url.ts";
import type { Project } from "./project.ts";
import { storeAt, width } from "./shared-store.ts";

/** Variables of the environment that say where it is, and how to be let in. No worker sees them. */
export const sharedVariables = {
  place: "EXP_SHARED_CACHE",
  key: "EXP_SHARED_CACHE_KEY",
  token: "EXP_SHARED_CACHE_TOKEN",
  publish: "EXP_SHARED_CACHE_PUBLISH",
  patience: "EXP_SHARED_CACHE_PATIENCE",
} as const;

const patienceSeconds = 10;

export interface SharedRequest {
  /** `--shared`. */
  readonly flag: string | undefined;
  /** What the Expfile says. */
  readonly declared: string | SharedCacheSettings | undefined;
  readonly warn: (text: string) => void;
}

export interface SharedWhere {
  readonly at: string;
  /** Who says so. */
  readonly by: string;
  /** Whether this machine publishes there. */
  readonly mayWrite: boolean;
}

/** Undefined: none is wanted. */
export async function openShared(
  project: Project,
  { flag, declared, warn }: SharedRequest,
): Promise<Result<SharedCache | undefined, readonly Failure[]>> {
  const { environment, paths } = project;
  const said = whereShared(project, { flag, declared });
  if (said === undefined) return ok(undefined);
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
  const patience = patienceOf(environment);
  if (!(patience > 0))
    return fail([
      inputFailure(`${sharedVariables.patience} is no number of seconds: ${environment[sharedVariables.patience]}`, {
        fix: `${sharedVariables.patience}=10, or leave it unset`,
      }),
    ]);
  return ok(
    new SharedCache({
      remote,
      local: [project.store, project.archiveBlobs],
      partials: join(paths.cache, "partial"),
      breakers: { reading: openBreaker(), writing: openBreaker() },
      secret: environment[sharedVariables.key] || undefined,
      mayWrite: said.mayWrite,
      width,
      patienceMs: patience * 1000,
      warn,
    }),
  );
}

/** Where it is, by whose word, and whether this machine may write there. The flag counts over the environment, and that over the Expfile. */
export function whereShared(
  { environment }: Project,
  { flag, declared }: Omit<SharedRequest, "warn">,
): SharedWhere | undefined {
  const settings = typeof declared === "string" ? { at: declared } : declared;
  const variable = environment[sharedVariables.place];
  const said = [
    { at: flag, by: "--shared" },
    { at: variable === "" ? undefined : variable, by: sharedVariables.place },
    { at: settings?.at, by: "experiments({ … }, { cache: { shared } })" },
  ].find(({ at }) => at !== undefined);
  if (said?.at === undefined || said.at === "off") return undefined;
  const publish = environment[sharedVariables.publish];
  const mayWrite = publish === undefined || publish === "" ? (settings?.publish ?? true) : publish !== "0";
  return { at: said.at, by: said.by, mayWrite };
}

/** Seconds. */
export function patienceOf(environment: NodeJS.ProcessEnv): number {
  return Number(environment[sharedVariables.patience] || patienceSeconds);
}

function openBreaker(): Breaker {
  return new Breaker({ after: 3, restMs: 5000, now: () => performance.now() });
}
