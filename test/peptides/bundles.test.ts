// What travels with a recipe: its own code, and nothing of the config's machinery.

import { build } from "esbuild";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { root } from "./experiment.ts";

const folder = join(root, "rules/peptides");
const recipes = readdirSync(folder, { recursive: true })
  .map(String)
  .filter((file) => file.endsWith(".recipe.ts"))
  .sort();

const KIB = 1024;
const LIMIT_KIB: Readonly<Record<string, number>> = {
  // Vega draws the figures.
  "analyse/render.recipe.ts": 2000,
  // The program in Python travels with it.
  "generate/lm.recipe.ts": 60,
  // These write tables or read CSV.
  "generate/merge.recipe.ts": 150,
  "judge/merge.recipe.ts": 150,
  "prepare/prepare.recipe.ts": 250,
};

async function bundle(recipe: string) {
  const built = await build({
    stdin: { contents: `export { recipe } from "./${recipe}";`, resolveDir: folder },
    absWorkingDir: root,
    bundle: true,
    platform: "node",
    format: "cjs",
    minifyWhitespace: true,
    write: false,
    loader: { ".py": "text" },
    metafile: true,
    outfile: "recipe.cjs",
  });
  const [output] = Object.values(built.metafile.outputs);
  const used = Object.entries(output!.inputs).filter(([, { bytesInOutput }]) => bytesInOutput > 0);
  return { text: built.outputFiles[0]!.text, files: used.map(([path]) => path) };
}

test("there are recipes to look at", () => {
  expect(recipes).toHaveLength(13);
});

describe.each(recipes)("%s", (recipe) => {
  test("holds no zod, no declaration of a rule, and is small", async () => {
    const { text, files } = await bundle(recipe);
    expect(
      files.filter((file) =>
        /node_modules\/zod|^src\/(api|index)|^rules\/peptides\/(prepare|generate|judge|analyse|arms|gates)\.ts$/.test(
          file,
        ),
      ),
    ).toEqual([]);
    expect(text.length / KIB).toBeLessThan(LIMIT_KIB[recipe] ?? 40);
  });
});
