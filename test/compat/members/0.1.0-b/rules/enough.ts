export const recipe = async ({ inputs }) => [
  { name: "sum", value: (await inputs.verdict.read()).sum, operator: ">", threshold: 3 },
];
