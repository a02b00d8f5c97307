// A shared cache by what a user wrote: a folder, an address, a bucket. Another of the files that name concrete stores.

import { isAbsolute, resolve } from "node:path";
import { SharedFolder } from "../backends/store/shared-folder.ts";
import type { SharedStore } from "../backends/store/shared.ts";

/** How many requests may be under way at once. */
export const width = 16;

/** Undefined: it names none. */
export async function storeAt(
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
