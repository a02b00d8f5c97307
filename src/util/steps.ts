// Steps that are taken one after the other, whatever becomes of each.

/** Throws, when all have been taken, what the first one threw that failed. */
export async function takeAll(steps: readonly (() => unknown)[]): Promise<void> {
  let first: { readonly error: unknown } | undefined;
  for (const step of steps) {
    try {
      await step();
    } catch (error) {
      first ??= { error };
    }
  }
  if (first !== undefined) throw first.error;
}
