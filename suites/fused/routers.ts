/** What the suites of both routers have in common: tokens and weights whose logits have a standard deviation of `std`. */
import type { Inputs } from "../../harness/suite.ts";

export interface Shape {
  readonly n_tok: number;
  readonly n_expert: number;
  readonly d_model: number;
}

export const product = (g: Inputs, { n_tok, n_expert, d_model }: Shape, std = 2) => ({
  y: g.normal("bf16", [n_tok, d_model]),
  w: g.normal("bf16", [n_expert, d_model], { std: std / Math.sqrt(d_model) }),
});

/** Logits that are `of(expert)` for every token, exactly where that is a bf16: only the first channel is not zero. */
export const logits = (g: Inputs, { n_tok, n_expert, d_model }: Shape, of: (e: number) => number) => ({
  y: g.from("bf16", [n_tok, d_model], (i) => (i % d_model === 0 ? 1 : 0)),
  w: g.from("bf16", [n_expert, d_model], (i) => (i % d_model === 0 ? of(i / d_model) : 0)),
});

/** [n_tok, n_expert, n_act, d_model]: what each is there for. */
export const SHAPES = [
  [1, 1, 1, 8],
  [2, 6, 6, 24],
  // a cluster of two, of four and of eight CTAs; a second tile of one expert
  [7, 129, 5, 1000],
  [8, 130, 7, 2056],
  [9, 385, 6, 4104],
  [16, 60, 6, 264],
  // one token more than the cluster takes at once
  [17, 257, 8, 1032],
  [33, 65, 40, 136],
  // eight CTAs choose for eight tokens each
  [64, 300, 6, 4104],
  // beyond: twice as many, and what only the portable kernel takes
  [128, 96, 3, 520],
  [150, 70, 2, 72],
  [5, 33, 4, 127],
] as const;
export const nameOf = ([n_tok, n_expert, n_act, d_model]: (typeof SHAPES)[number]): string =>
  `n_tok=${n_tok}.n_expert=${n_expert}.n_act=${n_act}.d_model=${d_model}`;

export const MODELS: Readonly<Record<string, Shape>> = {
  mini: { n_tok: 29, n_expert: 16, d_model: 384 },
  flash: { n_tok: 8, n_expert: 256, d_model: 4096 },
  pro: { n_tok: 1, n_expert: 384, d_model: 7168 },
  "pro.8": { n_tok: 8, n_expert: 384, d_model: 7168 },
};
