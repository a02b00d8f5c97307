// What Modal is told, what a container is given of it, what is missing to speak to Modal, and what is done about containers that end too early.

import { expect, test, describe } from "vitest";
import { checkModalOptions, checkModalSettings, type ModalOptions, type ModalSettings } from "../../src/api/modal.ts";
import { allot, nameOf, type AllotmentRequest } from "../../src/backends/executors/modal/allotment.ts";
import { findCredentials } from "../../src/backends/executors/modal/credentials.ts";
import { judge, type Lost } from "../../src/backends/executors/modal/fate.ts";
import { noSetback } from "../../src/backends/executors/remote/request.ts";
import { makeProject } from "../rig.ts";

describe("the settings", () => {
  const told = (act: () => void) => {
    try {
      act();
      return "taken";
    } catch (error) {
      const { message, fix } = error as { readonly message: string; readonly fix?: string };
      return fix === undefined ? message : `${message}. ${fix}`;
    }
  };
  const options = (given: ModalOptions) => told(() => checkModalOptions("rule lab/fold: `modal`", given));
  const settings = (given: ModalSettings) => told(() => checkModalSettings("settings: `modal`", given));

  test("that are right are taken", () => {
    const given = { gpu: "A100-80GB:2", cpu: 0.5, memory: 512, time: 90, regions: ["eu"], secrets: ["hf"] };
    expect(options({ ...given, image: "python:3.12" })).toBe("taken");
    expect(
      options({ image: { from: "python:3.12", commands: ["RUN pip install torch", "COPY --from=x /a /b"] } }),
    ).toBe("taken");
    expect(settings({ ...given, app: "lab", volume: "data", parallel: 500, prices: { gpu: { B300: 0.002 } } })).toBe(
      "taken",
    );
  });

  test("that are wrong are told with their name and what to write instead", () => {
    expect(options({ gpus: "L4" } as never)).toBe('rule lab/fold: `modal`: unknown key "gpus". Did you mean "gpu"?');
    expect(options({ gpu: "2 H100" })).toBe(
      'rule lab/fold: `modal`: `gpu` is "2 H100". It has to be a kind of GPU, with a number if it is more than one: "L4", "H100:2".',
    );
    expect(options({ time: 0 })).toBe("rule lab/fold: `modal`: `time` is 0. It has to be a number above 0.");
    expect(options({ image: { from: "x", commands: ["COPY model.bin /"] } })).toBe(
      "rule lab/fold: `modal`: `image.commands` is a list. It has to be without COPY from this machine, of which Modal's SDK has none: fetch it by RUN, or make it an input of the action.",
    );
    expect(options({ image: { from: "x", command: [] } as never })).toBe(
      'rule lab/fold: `modal`: `image`: unknown key "command". Did you mean "commands"?',
    );
    expect(settings({ prices: { gpu: { H100: -1 } } })).toBe(
      "settings: `modal`: `prices`: `gpu` is an object. It has to be an object of numbers from 0.",
    );
    expect(settings({ parallel: 1.5 })).toBe(
      "settings: `modal`: `parallel` is 1.5. It has to be a whole number from 1.",
    );
  });

  test("are read of rules, of the Expfile and of exp.local.yaml, and are part of no key", async () => {
    const rig = makeProject({
      "Expfile.ts": `import { contract, experiments, rule, text } from "expfile";
const writing = contract({ name: "lab/write", outputs: { a: text() } });
const write = rule(writing, { recipe: () => import("./write.ts"), modal: { gpu: "L4" } });
export default experiments({ main: () => ({ write: write({}, { modal: { time: 5 } }) }) }, { modal: { app: "lab" } });
`,
      "write.ts": `export const recipe = async ({ outputs }) => { await outputs.a.write("a"); };\n`,
      "configs/default.yaml": "version: 1\n",
      "exp.local.yaml": "modal: { parallel: 50, targets: { write: { memory: 4096 } } }\n",
    });
    await rig.build();
    rig.edit("Expfile.ts", '{ gpu: "L4" }', '{ gpu: "H100:8", image: "python:3.12" }');
    rig.edit("exp.local.yaml", "50", "60");
    expect((await rig.build()).targets).toMatchObject({ write: "fresh" });
    rig.edit("exp.local.yaml", "memory: 4096", "memroy: 4096");
    const failed = await rig.start(["build", "--executor", "local"]).finished;
    expect(failed.code).toBe(2);
    expect(failed.stderr).toContain('exp.local.yaml:1:44 unknown key "memroy"');
    rig.write({ "exp.local.yaml": "" });
    rig.edit("Expfile.ts", '"H100:8"', '"8 H100"');
    const wrong = await rig.start(["build"]).finished;
    expect(wrong.stderr).toContain('rule lab/write: its recipe: `modal`: `gpu` is "8 H100"');
  });
});

describe("a container", () => {
  const request = (options: ModalOptions, more: Partial<AllotmentRequest> = {}) =>
    allot({
      ...{ options, resources: {}, timeoutMs: undefined, actions: 10, moreTime: 1, moreMemory: 1, nodeMajor: 20 },
      ...more,
    });

  test("is given what its rule's resources say, and what is said for Modal over that", () => {
    const usual = { gpu: undefined, cpu: 1, memoryMiB: 1024, regions: [], lifetimeSeconds: 3600, secrets: [] };
    expect(request({})).toEqual({ ok: true, value: { ...usual, image: { from: "node:20-slim" } } });
    expect(request({}, { nodeMajor: 24 })).toMatchObject({ value: { image: { from: "node:24-slim" } } });
    const resources = { cpu: 4, memory: 2000, gpu: 2 };
    expect(request({ gpu: "L4" }, { resources })).toMatchObject({
      value: { gpu: { kind: "L4", count: 2 }, cpu: 4, memoryMiB: 2256 },
    });
    expect(request({ gpu: "L4:2", cpu: 0.5, memory: 512 }, { resources })).toMatchObject({
      value: { gpu: { kind: "L4", count: 2 }, cpu: 0.5, memoryMiB: 512 },
    });
  });

  test("has a whole number of seconds to live, always, and never more than a day", () => {
    const lifetime = (options: ModalOptions, more: Partial<AllotmentRequest> = {}) => {
      const given = request(options, more);
      return given.ok ? given.value.lifetimeSeconds : given.error;
    };
    expect(lifetime({ time: 0.501 })).toBe(31);
    expect(lifetime({}, { timeoutMs: 1500 })).toBe(135);
    expect(lifetime({ time: 10 }, { moreTime: 4 })).toBe(2400);
    expect(lifetime({ time: 100_000 })).toBe(86_400);
    expect(lifetime({ time: 1e-9 })).toBe(1);
  });

  test("whose GPU is not clear is refused in words that say what to write", () => {
    expect(request({}, { resources: { gpu: 1 } })).toEqual({
      ...{ ok: false, error: 'it asks for 1 GPU and does not say of which kind: modal: { gpu: "L4" }' },
    });
    expect(request({ gpu: "H100:2" }, { resources: { gpu: 4 } })).toEqual({
      ...{ ok: false, error: "it asks for 4 GPUs (resources) and for H100:2 (modal)" },
    });
  });

  test("has a name that Modal takes", () => {
    expect(nameOf("exp", "a b/c", "x".repeat(80))).toMatch(/^exp-a_b_c-x{53}$/);
  });
});

describe("credentials", () => {
  const found = (environment: Readonly<Record<string, string>>, file?: string) => {
    const credentials = findCredentials({ MODAL_CONFIG_PATH: "/home/me/.modal.toml", ...environment }, file);
    return credentials.ok ? credentials.value.from : credentials.error.what;
  };
  const file = `# mine\n[lab]\ntoken_id = "ak-1"\ntoken_secret = 'as-1'\nactive = true\n\n[other]\ntoken_id = "ak-2" # half\n`;

  test("are found in the environment, or in the profile that is active or asked for", () => {
    expect(found({ MODAL_TOKEN_ID: "ak", MODAL_TOKEN_SECRET: "as" })).toBe("MODAL_TOKEN_ID");
    expect(found({}, file)).toBe('the profile "lab" of /home/me/.modal.toml');
    expect(found({ MODAL_TOKEN_ID: "ak", MODAL_TOKEN_SECRET: "as" }, file)).toBe("MODAL_TOKEN_ID");
    expect(found({ MODAL_OAUTH_REFRESH_TOKEN: "r", MODAL_OAUTH_CLIENT_ID: "c" })).toBe("MODAL_OAUTH_REFRESH_TOKEN");
  });

  test("that are missing are told: which part, and where it was looked for", () => {
    expect(found({})).toBe(
      "there are no credentials for Modal: MODAL_TOKEN_ID is not set, and there is no /home/me/.modal.toml",
    );
    expect(found({ MODAL_TOKEN_ID: "ak" })).toBe(
      "of Modal's token the secret is missing: MODAL_TOKEN_ID is set, and MODAL_TOKEN_SECRET is not",
    );
    expect(found({ MODAL_TOKEN_SECRET: "as" })).toBe(
      "of Modal's token the id is missing: MODAL_TOKEN_SECRET is set, and MODAL_TOKEN_ID is not",
    );
    expect(found({ MODAL_PROFILE: "other" }, file)).toBe(
      `of Modal's token the secret is missing: the profile "other" of /home/me/.modal.toml has a token_id and no token_secret`,
    );
    expect(found({ MODAL_PROFILE: "none" }, file)).toBe(
      'MODAL_PROFILE names the profile "none", and /home/me/.modal.toml has only "lab", "other"',
    );
    expect(found({}, file.replace("active = true", ""))).toBe("no profile of /home/me/.modal.toml is active");
  });
});

describe("a container that ends before its batch", () => {
  const lost = (more: Partial<Lost>): Lost => ({
    ...{ name: "batch-1", fate: undefined, setback: noSetback, hasProgressed: false, lastWords: "" },
    gave: { memoryMiB: 1024, lifetimeSeconds: 600 },
    ...more,
  });
  const over = (status: NonNullable<Lost["fate"]>["status"], exitCode = 0, message = "") => ({
    fate: { kind: "over", status, exitCode, message } as const,
  });
  const worn = { ...noSetback, losses: 3 };

  test("taken back by Modal, is tried again as often as it takes; with ten losses in a row it fails", () => {
    expect(judge(lost(over("internal-failure", 0, "preempted")))).toEqual({
      kind: "again",
      setback: { ...noSetback, losses: 1 },
      why: "the container batch-1 was taken back by Modal (preempted)",
    });
    expect(judge(lost({ ...over("internal-failure"), setback: worn })).kind).toBe("again");
    expect(judge(lost({ ...over("internal-failure"), setback: { ...noSetback, losses: 10 } })).kind).toBe("failed");
    expect(
      judge(lost({ ...over("internal-failure"), setback: { ...noSetback, losses: 10 }, hasProgressed: true })),
    ).toMatchObject({ kind: "again", setback: { losses: 0 } });
  });

  test("with success and exit code 0, has not done its work all the same", () => {
    expect(judge(lost(over("success")))).toMatchObject({ kind: "again", setback: { losses: 1 } });
    expect(judge(lost({ ...over("success"), setback: worn }))).toMatchObject({
      outcome: { message: "the container batch-1 ended before its actions had, with exit code 0, 4 times" },
    });
  });

  test("out of time or memory, is given more; and says what to write when that did not help", () => {
    expect(judge(lost(over("timeout", 124)))).toMatchObject({ kind: "again", setback: { moreTime: 2 } });
    expect(judge(lost({ ...over("timeout", 124), hasProgressed: true }))).toMatchObject({ setback: { moreTime: 1 } });
    expect(judge(lost(over("failure", 137)))).toMatchObject({ kind: "again", setback: { moreMemory: 2 } });
    expect(judge(lost({ ...over("failure", 137), setback: worn, lastWords: "Killed" }))).toMatchObject({
      outcome: {
        why: "memory",
        stack: "Killed",
        message:
          "the container batch-1 was killed, as for want of memory, with 1024 MiB. Give it more: resources: { memory }",
      },
    });
    expect(judge(lost({ ...over("timeout"), setback: worn }))).toMatchObject({
      outcome: { why: "timeout", message: expect.stringContaining("its limit of 10 min") as string },
    });
  });

  test("ended by somebody, fails, and says so", () => {
    expect(judge(lost(over("terminated")))).toMatchObject({
      outcome: { message: "the container batch-1 was ended by somebody: by exp sweep, or in Modal's dashboard" },
    });
  });
});
