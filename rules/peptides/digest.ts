/** Names for things made of their content: equal parts, equal digest, on every machine. */
import { createHash } from "node:crypto";

/** 16 hexadecimal digits (64 bits of SHA-256): no two alike are to be expected among millions. */
export function shortDigest(...parts: readonly (string | number | object)[]): string {
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex").slice(0, 16);
}
