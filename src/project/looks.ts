// What an Expfile looks at of the world while it declares: variables are written down with their values, so that a change is seen; of whatever
// else can tell it of files, networks and machines it is only known that it was asked. Unaware of what is declared.

import { isBuiltin } from "node:module";

/** What stands in a compiled Expfile for the globals that look at the world, so that what an argv or a pattern asks later on is noted, too. */
const name = "$expWorld";
/** For esbuild's `define`. */
export const worldDefines = {
  "process.env": `globalThis.${name}.env`,
  "process.getBuiltinModule": `globalThis.${name}.getBuiltinModule`,
  fetch: `globalThis.${name}.fetch`,
  "globalThis.fetch": `globalThis.${name}.fetch`,
} as const;

/** Wraps the `require` of a compiled Expfile, which serves CommonJS packages in it. */
export const worldRequire = `globalThis.${name}.require`;

// What a declaration may use without leaving traces that have to be recorded.
const pureModules = new Set([
  "path",
  "url",
  "util",
  "assert",
  "crypto",
  "buffer",
  "events",
  "querystring",
  "string_decoder",
]);

/** Of the modules named, those of Node that can look at the world. */
export function impureAmong(modules: readonly string[]): readonly string[] {
  const names = modules.filter((module) => isBuiltin(module)).map((module) => module.replace(/^node:/, ""));
  return [...new Set(names)].filter((module) => !pureModules.has(module)).sort();
}

type GetBuiltin = (module: string) => unknown;
interface Real {
  readonly env: NodeJS.ProcessEnv;
  readonly getBuiltinModule: GetBuiltin;
  readonly fetch: typeof fetch;
}

export class Looks {
  /** Environment variables that were read, by value. */
  readonly environment = new Map<string, string | undefined>();
  /** What was asked that nothing records: by name. */
  readonly impure = new Set<string>();

  /** Evaluates a compiled Expfile, or what it declared: everything asked meanwhile is noted, by whatever way. */
  async during<T>(work: () => Promise<T> | T): Promise<T> {
    const real: Real = {
      env: process.env,
      getBuiltinModule: Reflect.get(process, "getBuiltinModule"),
      fetch: globalThis.fetch,
    };
    const noted = this.#noted(real);
    Object.assign(globalThis, { [name]: { ...noted, require: (require: NodeJS.Require) => this.#required(require) } });
    put(noted);
    try {
      return await work();
    } finally {
      put(real);
    }
  }

  #noted(real: Real): Real {
    return {
      env: this.#environment(real.env),
      getBuiltinModule: (module) => {
        this.#noteModule(module);
        return real.getBuiltinModule(module);
      },
      fetch: (...asked) => {
        this.impure.add("fetch");
        return real.fetch(...asked);
      },
    };
  }

  #environment(real: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
    const note = (variable: string | symbol) => {
      if (typeof variable === "string") this.environment.set(variable, real[variable]);
    };
    return new Proxy(real, {
      get: (target, variable) => (note(variable), Reflect.get(target, variable) as unknown),
      has: (target, variable) => (note(variable), Reflect.has(target, variable)),
      getOwnPropertyDescriptor: (target, variable) => (
        note(variable),
        Reflect.getOwnPropertyDescriptor(target, variable)
      ),
      // A new variable would count, and no record of values shows it.
      ownKeys: (target) => (this.impure.add("process.env"), Reflect.ownKeys(target)),
    });
  }

  #required(require: NodeJS.Require): NodeJS.Require {
    return new Proxy(require, {
      apply: (target, self, asked: [string]) => {
        this.#noteModule(asked[0]);
        return Reflect.apply(target, self, asked) as unknown;
      },
    });
  }

  /** A file that is only named at run time is watched by nobody. */
  #noteModule(module: string): void {
    const names = isBuiltin(module) ? impureAmong([module]) : [module];
    for (const impure of names) this.impure.add(impure);
  }
}

function put({ env, getBuiltinModule, fetch }: Real): void {
  process.env = env;
  globalThis.fetch = fetch;
  Object.assign(process, { getBuiltinModule });
}
