import { describe, expect, test } from "vitest";
import { findSecretsIn, loadSecrets, type Secrets } from "../../src/planning/config/secrets.ts";
import { renderFailures } from "../../src/report/messages.ts";
import { loaded, readIn, root, valueOf } from "./rig.ts";

interface Given {
  readonly env?: Record<string, string>;
  readonly file?: string;
  readonly mode?: number;
  readonly names?: readonly string[];
}
const secretsOf = ({ env = {}, file, mode = 0o600, names = ["API_KEY"] }: Given): Secrets =>
  valueOf(
    loadSecrets({ root, env, names, readFile: readIn(file === undefined ? {} : { ".env": file }), modeOf: () => mode }),
  );

describe("where secrets come from", () => {
  test("the environment, else .env, else they are missing", () => {
    const file = 'API_KEY=from-file\nOTHER_KEY="other file"\n# comment\nUNASKED=secret-value\n';
    const secrets = secretsOf({
      env: { API_KEY: "from-env", EMPTY: "" },
      file,
      names: ["API_KEY", "OTHER_KEY", "EMPTY"],
    });
    expect(Object.fromEntries(secrets.values)).toEqual({ API_KEY: "from-env", OTHER_KEY: "other file" });
    expect(secrets.missing).toEqual(["EMPTY"]);
    expect(secrets.reads).toMatchObject([{ path: "/project/.env", present: true }]);
  });

  test("an absent .env is remembered as looked for", () => {
    expect(secretsOf({}).reads).toEqual([{ path: "/project/.env", present: false }]);
  });

  test("a file that others can read and a value too short to mask are warned about", () => {
    expect(secretsOf({ file: "API_KEY=abc\n", mode: 0o644 }).warnings).toEqual([
      ".env can be read by other users of this machine; chmod 600 .env",
      "API_KEY is shorter than 6 characters and is not masked in logs",
    ]);
  });
});

describe("masking", () => {
  const value = 'sk-"é/+ x&1?~';
  const { mask } = secretsOf({ env: { API_KEY: value } });
  const base64 = (text: string) => Buffer.from(text).toString("base64");

  test.each([
    ["plain", `key ${value}.`, "key ‹API_KEY›."],
    ["in JSON", JSON.stringify({ key: value }), '{"key":"‹API_KEY›"}'],
    ["in JSON inside JSON", JSON.stringify(JSON.stringify(value)), '"\\"‹API_KEY›\\""'],
    ["in Python's JSON", 'x sk-\\"\\u00e9/+ x&1?~ y', "x ‹API_KEY› y"],
    ["in a URL", `?key=${encodeURIComponent(value)}&b`, "?key=‹API_KEY›&b"],
    ["in a form", `key=${new URLSearchParams({ v: value }).toString().slice(2)}`, "key=‹API_KEY›"],
    ["in base64", base64(value), "‹API_KEY›"],
    ["in base64url", Buffer.from(value).toString("base64url"), "‹API_KEY›"],
  ])("%s", (_where, text, masked) => {
    expect(mask(text)).toBe(masked);
  });

  test.each(["u:", "us:", "use:"])("inside longer base64 (basic authentication), after %j", (prefix) => {
    const masked = mask(base64(`${prefix}${value}:rest`));
    expect(masked).toContain("‹API_KEY›");
    expect(masked.replace("‹API_KEY›", "").length).toBeLessThan(base64(`${prefix}:rest`).length + 6);
  });

  test("a secret inside another leaves no rest behind; all occurrences are masked", () => {
    const secrets = secretsOf({ env: { SHORT: "abcdef", LONG: "abcdef-ghijkl" }, names: ["SHORT", "LONG"] });
    expect(secrets.mask("abcdef-ghijkl abcdef abcdefabcdef")).toBe("‹LONG› ‹SHORT› ‹SHORT›‹SHORT›");
  });

  test("a key of several lines is masked line by line", () => {
    const secrets = secretsOf({ env: { API_KEY: "-----BEGIN KEY-----\nAAAABBBBCCCC\n-----END KEY-----\n" } });
    expect(secrets.mask("log: AAAABBBBCCCC")).toBe("log: ‹API_KEY›");
  });

  test("without secrets text stays as it is", () => {
    expect(secretsOf({}).mask("anything ‹X›")).toBe("anything ‹X›");
  });
});

describe("a secret in a config", () => {
  test("is refused, naming the place and not the value", () => {
    const secrets = secretsOf({ env: { API_KEY: "sk-12345678" } });
    const files = "notes: ok\njudge:\n  url: https://x/?key=sk-12345678\n  list: [sk-12345678]\n  sk-12345678: 1\n";
    const { tree } = loaded({ files, overrides: ["generate.key=sk-12345678"] });
    const text = renderFailures(findSecretsIn(tree, secrets), { color: false }).join("\n");
    expect(text).not.toContain("12345678");
    expect(text).toMatchInlineSnapshot(`
      "configs/default.yaml:3:8 judge.url holds the value of the secret API_KEY
        Take it out: recipes get API_KEY from the environment. If the file was shared, replace the secret.

      configs/default.yaml:4:10 judge.list[0] holds the value of the secret API_KEY
        Take it out: recipes get API_KEY from the environment. If the file was shared, replace the secret.

      configs/default.yaml:5:3 judge holds the value of the secret API_KEY
        Take it out: recipes get API_KEY from the environment. If the file was shared, replace the secret.

      command line: --set generate.key=‹API_KEY›: generate.key holds the value of the secret API_KEY
        Take it out: recipes get API_KEY from the environment. If the file was shared, replace the secret."
    `);
  });

  test("is found as a number too", () => {
    const secrets = secretsOf({ env: { API_KEY: "123456789" } });
    expect(findSecretsIn(loaded("judge: { pin: 123456789 }\n").tree, secrets)).toHaveLength(1);
  });
});
