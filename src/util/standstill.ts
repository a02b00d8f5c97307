// What is waited for though nothing is left that could bring it about: Node would end then, as if all were well.

/** Those under way, the innermost last. */
const waits: (() => void)[] = [];

/** What `work` comes to; rejects with what `onStandstill` makes where this process would end without it. */
export async function orStandstill<T>(work: () => Promise<T>, onStandstill: () => Error): Promise<T> {
  let notice!: () => void;
  const standstill = new Promise<never>((_, reject) => (notice = () => reject(onStandstill())));
  if (waits.push(notice) === 1) process.on("beforeExit", tellInnermost);
  try {
    return await Promise.race([work(), standstill]);
  } finally {
    waits.splice(waits.indexOf(notice), 1);
    if (waits.length === 0) process.off("beforeExit", tellInnermost);
  }
}

/** Not here and now: what the rejection sets off must find a process that lives. */
function tellInnermost(): void {
  // Chosen now: what is over by then is not told in place of what waits around it.
  const tell = waits.at(-1);
  setImmediate(() => tell?.());
}
