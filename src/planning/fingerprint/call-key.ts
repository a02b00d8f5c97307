// The key of a paid call: the one by which its answer is remembered, and by which results name the answers that they rest on.

import { digestOfBytes, type Digest } from "../../model/digest.ts";
import type { Json } from "../../model/json.ts";
import { encode } from "./encode.ts";

/** Throws where the request is not plain JSON. */
export function callKey(request: Json, draw: number): Digest {
  return digestOfBytes(`call ${draw} ${encode(request)}`);
}
