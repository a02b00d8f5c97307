// Seeds for recipes: derived from what they belong to, never from order, batch or time. Bundled into the recipes that import it.

import type { Json } from "./model/json.ts";
import { createHash } from "node:crypto";
import { encode } from "./planning/fingerprint/encode.ts";

/**
 * 128 bits as 32 hex digits, from anything JSON: `deriveSeed(seed, arm.settings, replicate, index)`.
 * Equal parts give equal seeds on every machine; SHA-256 keeps neighbours apart.
 */
export function deriveSeed(...parts: readonly Json[]): string {
  return createHash("sha256").update("seed ").update(encode(parts)).digest("hex").slice(0, 32);
}
