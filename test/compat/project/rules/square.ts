import { readFileSync } from "node:fs";

/** Numbers and names that are written otherwise in another language. */
const odd = { "😀": 1e21, "ﬁ": 1e-7, z: [0.1, -0, 5e-324, 123456789012345680000, 1 / 3], a: null };

export const split = async ({ config, arms, inputs }) =>
  (await inputs.rows.read()).flatMap((row) => [
    ...arms.map(({ id, settings }) => ({ recipe: "plain", settings, item: { arm: id, row, odd, unit: config.unit }, label: `${id}-${row}` })),
    { recipe: "loud", item: row, inputs: { parts: inputs.folder } },
  ]);
export const plain = async ({ settings, item, outputs }) => outputs.value.write(item.row ** settings.power);
export const loud = async ({ item, inputs, outputs }) =>
  outputs.value.write({ row: item, text: inputs.parts.files().map((name) => readFileSync(inputs.parts.file(name), "utf8")).join("") });
export const merge = async ({ items, outputs }) =>
  outputs.all.write(await Promise.all(items.filter(({ recipe }) => recipe === "plain").map(({ outputs }) => outputs.value.read())));
