// An order, with each path that it names taken for another: to learn which files it needs, and to read them elsewhere.

import type { CodeOrder, InputOrder, InputOrders, Order } from "../executor.ts";

export interface Relocation {
  /** Of a file that is read. */
  readonly read: (path: string) => string;
  /** Of the log of the action at a place among the items (0 where there are none). */
  readonly log: (path: string, place: number) => string;
}

export function relocate(order: Order, to: Relocation): Order {
  if (order.itemsFile !== undefined) throw new Error("merges run where their driver is");
  return {
    ...order,
    code: relocateCode(order.code, to.read),
    inputs: relocateInputs(order.inputs, to.read),
    logFile: order.items === undefined ? to.log(order.logFile, 0) : order.logFile,
    ...(order.items !== undefined && {
      items: order.items.map((item, place) => ({
        ...item,
        inputs: relocateInputs(item.inputs, to.read),
        logFile: to.log(item.logFile, place),
      })),
    }),
  };
}

/** The files that an order reads, each once. */
export function filesOf(order: Order): readonly string[] {
  const paths = new Set<string>();
  relocate(order, {
    read: (path) => {
      paths.add(path);
      return path;
    },
    log: (path) => path,
  });
  return [...paths];
}

/** Where the log of an action goes. */
export function logOf(order: Pick<Order, "items" | "logFile">, place: number): string | undefined {
  return order.items === undefined ? order.logFile : order.items[place]?.logFile;
}

function relocateCode(code: CodeOrder, read: (path: string) => string): CodeOrder {
  return code.kind === "module"
    ? { ...code, bundle: read(code.bundle) }
    : { ...code, files: code.files.map(([name, path]) => [name, read(path)] as const) };
}

function relocateInputs(inputs: InputOrders, read: (path: string) => string): InputOrders {
  return Object.fromEntries(Object.entries(inputs).map(([slot, input]) => [slot, relocateInput(input, read)]));
}

function relocateInput(input: InputOrder, read: (path: string) => string): InputOrder {
  switch (input.kind) {
    case "absent":
      return input;
    case "list":
      return { ...input, members: input.members.map((member) => relocateInput(member, read)) };
    case "tree":
      return { ...input, files: input.files.map(([name, path]) => [name, read(path)] as const) };
    case "file":
      return input.path === undefined ? input : { ...input, path: read(input.path) };
  }
}
