/**
 * `fanOut` with the fields that each part reads in its types: a recipe that uses what its part does not declare does
 * not compile.
 */
import { fanOut as looseFanOut, type ItemRecipe, type Merge, type Rule, type RunOptions, type Split } from "expfile";
import type { ConfigOf, ContractSpec } from "expfile";

type Reads<C extends ContractSpec> = (keyof ConfigOf<C> & string) | "arms" | "control" | "labels" | "seed";
type Lazy<T> = () => Promise<{ readonly recipe: T }>;
type Reading<T, R extends string> = RunOptions & { readonly recipe: Lazy<T>; readonly reads: readonly R[] };
// What `setup` returns is a matter between the functions of one recipe.
// eslint-disable-next-line @typescript-eslint/no-explicit-any
type AnySetup = any;

interface Parts<
  C extends ContractSpec,
  S extends Reads<C>,
  I extends Readonly<Record<string, Reads<C>>>,
  M extends Reads<C>,
> {
  readonly split: Lazy<Split<C, never>> | Reading<Split<C, NoInfer<S>>, S>;
  readonly recipes: {
    readonly [K in keyof I]:
      Lazy<ItemRecipe<C, never, AnySetup>> | Reading<ItemRecipe<C, NoInfer<I[K]>, AnySetup>, I[K]>;
  };
  readonly merge: Lazy<Merge<C>> | Reading<Merge<C, NoInfer<M>>, M>;
  readonly batch?: number;
}

export const fanOut = looseFanOut as unknown as <
  const C extends ContractSpec,
  const S extends Reads<C> = never,
  const I extends Readonly<Record<string, Reads<C>>> = Readonly<Record<string, never>>,
  const M extends Reads<C> = never,
>(
  contract: C,
  parts: Parts<C, S, I, M>,
) => Rule<C>;
