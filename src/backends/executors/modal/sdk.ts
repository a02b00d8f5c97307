// Modal's SDK, loaded when somebody asks for it. It is the user's package, and of one version only: before 1.0 each minor may change what it does, and what
// else is published under its name is not always its.

import type * as sdk from "modal";
import { hasCode } from "../../../util/fs.ts";
import { fail, ok, type Result } from "../../../util/result.ts";
import type { Lack } from "./credentials.ts";

export type Sdk = typeof sdk;
export const sdkVersion = "0.11.1";
const install = `npm install --save-exact modal@${sdkVersion}`;

export async function loadSdk(): Promise<Result<Sdk, Lack>> {
  let library: Sdk;
  try {
    library = await import("modal");
  } catch (error) {
    if (!hasCode(error, "ERR_MODULE_NOT_FOUND")) throw error;
    return fail({ what: "the package modal, Modal's SDK, is not installed in this project", fix: install });
  }
  if (typeof library.ModalClient !== "function")
    return fail({ what: "the package modal that is installed here is not Modal's SDK", fix: install });
  return ok(library);
}

export function wrongVersion(version: string): Lack | undefined {
  if (version === sdkVersion) return undefined;
  return {
    what: `the package modal is installed in version ${version}, and exp is made for ${sdkVersion}`,
    fix: install,
  };
}
