// esbuild's resolution, with the project's tsconfig files (`paths`, `baseUrl`), as a function. It lives in a build of its own: in the one that
// collects, the compiler options are given as text, so that the same imports survive as in the print, and that switches the files off.

import type { PluginBuild, ResolveOptions, ResolveResult } from "esbuild";

export interface Resolver {
  resolve(path: string, options: ResolveOptions): Promise<ResolveResult>;
  end(): Promise<void>;
}

export async function startResolver(root: string): Promise<Resolver> {
  const esbuild = await import("esbuild");
  let end!: () => void;
  const ended = new Promise<void>((resolve) => (end = resolve));
  let started!: (build: PluginBuild) => void;
  const ready = new Promise<PluginBuild>((resolve) => (started = resolve));
  const running = esbuild.build({
    entryPoints: ["resolver"],
    bundle: true,
    write: false,
    platform: "node",
    logLevel: "silent",
    absWorkingDir: root,
    plugins: [
      {
        name: "resolver",
        setup(build) {
          build.onResolve({ filter: /^resolver$/ }, (args) =>
            args.kind === "entry-point" ? { path: "resolver", namespace: "resolver" } : undefined,
          );
          // The build goes on as long as its only file is being loaded.
          build.onLoad({ filter: /.*/, namespace: "resolver" }, async () => {
            started(build);
            await ended;
            return { contents: "" };
          });
        },
      },
    ],
  });
  const build = await Promise.race([ready, running.then(() => undefined)]);
  if (build === undefined) throw new Error("esbuild ended before it resolved anything");
  return {
    resolve: (path, options) => build.resolve(path, options),
    async end() {
      end();
      await running;
    },
  };
}
