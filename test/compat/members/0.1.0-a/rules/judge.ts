export const recipe = async ({ inputs, outputs, call }) => {
  const sum = Number(await inputs.sum.read());
  const answer = await call({ request: { model: "m", question: `is ${sum} much?`, temperature: 0.7 }, draw: 0 }, async () => ({
    response: { text: "yes", tokens: 3 },
    costUsd: 0.002,
  }));
  await outputs.verdict.write({ sum, much: answer.text === "yes", greeting: process.env.GREETING ?? null });
};
