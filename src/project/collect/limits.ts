// The limits of the cache: flags over the Expfile over the defaults.

import { defaultCacheLimits, parseAge, parseSize } from "../../api/cache-limits.ts";
import { inputFailure, type Failure } from "../../model/failure.ts";
import { fail, ok, type Result } from "../../util/result.ts";
import { loadExpfile } from "../expfile.ts";
import type { Project } from "../project.ts";
import type { Limits } from "./plan.ts";

export interface LimitFlags {
  readonly maxSize: string | undefined;
  readonly maxAge: string | undefined;
}

export async function cacheLimits(project: Project, flags: LimitFlags): Promise<Result<Limits, readonly Failure[]>> {
  const failures: Failure[] = [];
  const size = flags.maxSize === undefined ? undefined : parseSize(flags.maxSize);
  const age = flags.maxAge === undefined ? undefined : parseAge(flags.maxAge);
  if (flags.maxSize !== undefined && size === undefined)
    failures.push(inputFailure(`--max-size takes a size, not "${flags.maxSize}"`, { fix: "--max-size 50GB" }));
  if (flags.maxAge !== undefined && age === undefined)
    failures.push(inputFailure(`--max-age takes a time, not "${flags.maxAge}"`, { fix: "--max-age 90d" }));
  if (failures.length > 0) return fail(failures);
  if (size !== undefined && age !== undefined) return ok({ maxSizeBytes: size, maxAgeMs: age });
  const { root, cache } = project.paths;
  const expfile = await loadExpfile(root, cache, (path) => project.digests.digestOf(path));
  if (!expfile.ok) return expfile;
  const said = expfile.value.experiments.settings?.cache ?? {};
  return ok({
    maxSizeBytes: size ?? parseSize(said.maxSize ?? defaultCacheLimits.maxSize)!,
    maxAgeMs: age ?? parseAge(said.maxAge ?? defaultCacheLimits.maxAge)!,
  });
}
