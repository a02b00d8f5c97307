// Whether this machine may speak to Modal, and what exactly is missing if not: looked up as the SDK does it, without loading the SDK.

import { homedir } from "node:os";
import { join } from "node:path";
import { fail, ok, type Result } from "../../../util/result.ts";

export interface Credentials {
  /** For people: "MODAL_TOKEN_ID", or the profile of a file. */
  readonly from: string;
}

export interface Lack {
  readonly what: string;
  readonly fix: string;
}

type Profile = Readonly<Record<string, string>>;

const howToGetThem = "set MODAL_TOKEN_ID and MODAL_TOKEN_SECRET (modal.com/settings/tokens), or run: modal token new";

export function configFile(environment: NodeJS.ProcessEnv): string {
  const said = environment.MODAL_CONFIG_PATH;
  return said !== undefined && said !== "" ? said : join(homedir(), ".modal.toml");
}

/** `file`: the content of the `configFile`, undefined where there is none. */
export function findCredentials(environment: NodeJS.ProcessEnv, file: string | undefined): Result<Credentials, Lack> {
  const path = configFile(environment);
  const profiles = readProfiles(file ?? "");
  const asked = wordOf(environment.MODAL_PROFILE);
  const name = asked ?? [...profiles].find(([, { active }]) => active === "true")?.[0];
  const profile: Profile = (name === undefined ? undefined : profiles.get(name)) ?? {};
  const ofProfile = `the profile "${name}" of ${path}`;
  const id = wordOf(environment.MODAL_TOKEN_ID) ?? wordOf(profile.token_id);
  const secret = wordOf(environment.MODAL_TOKEN_SECRET) ?? wordOf(profile.token_secret);
  const isSet = (variable: string) => wordOf(environment[variable]) !== undefined;
  if (id !== undefined && secret !== undefined)
    return ok({ from: isSet("MODAL_TOKEN_ID") ? "MODAL_TOKEN_ID" : ofProfile });
  if (id !== undefined || secret !== undefined) {
    const [there, missing] = id === undefined ? (["secret", "id"] as const) : (["id", "secret"] as const);
    const variableOf = (part: string) => `MODAL_TOKEN_${part.toUpperCase()}`;
    const how = isSet(variableOf(there))
      ? `${variableOf(there)} is set, and ${variableOf(missing)} is not`
      : `${ofProfile} has a token_${there} and no token_${missing}`;
    return fail({ what: `of Modal's token the ${missing} is missing: ${how}`, fix: howToGetThem });
  }
  // The other way to be known; its parts are the SDK's to check.
  if (isSet("MODAL_OAUTH_REFRESH_TOKEN")) return ok({ from: "MODAL_OAUTH_REFRESH_TOKEN" });
  if (wordOf(profile.oauth_refresh_token) !== undefined) return ok({ from: ofProfile });
  if (asked !== undefined && !profiles.has(asked)) {
    const known = [...profiles.keys()].map((each) => `"${each}"`).join(", ");
    const there = file === undefined ? "does not exist" : known === "" ? "has none" : `has only ${known}`;
    return fail({
      what: `MODAL_PROFILE names the profile "${asked}", and ${path} ${there}`,
      fix: `unset MODAL_PROFILE, or ${howToGetThem}`,
    });
  }
  if (profiles.size > 0 && name === undefined) {
    const [first] = profiles.keys();
    return fail({
      what: `no profile of ${path} is active`,
      fix: `set MODAL_PROFILE=${first}, or run: modal profile activate ${first}`,
    });
  }
  const seen = file === undefined ? `there is no ${path}` : `${path} has no token in its profile`;
  return fail({
    what: `there are no credentials for Modal: MODAL_TOKEN_ID is not set, and ${seen}`,
    fix: howToGetThem,
  });
}

/** Of a file of TOML what profiles need: tables by name, with texts and flags. */
function readProfiles(text: string): ReadonlyMap<string, Profile> {
  const profiles = new Map<string, Record<string, string>>();
  let own: Record<string, string> | undefined;
  for (const line of text.split("\n")) {
    const table = /^\s*\[\s*"?([^"\]]+?)"?\s*\]/.exec(line)?.[1];
    if (table !== undefined) {
      profiles.set(table, (own = {}));
      continue;
    }
    const [, key, quoted, single, bare] = /^\s*(\w+)\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s#]+))/.exec(line) ?? [];
    if (key !== undefined && own !== undefined) own[key] = quoted ?? single ?? bare ?? "";
  }
  return profiles;
}

function wordOf(text: string | undefined): string | undefined {
  return text === undefined || text === "" ? undefined : text;
}
