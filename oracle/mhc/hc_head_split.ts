/** pre = sigmoid(mix * scale + base) + eps. */
import type { op } from "../../kernels/mhc/hc_head_split.op.ts";
import { sigmoid, values } from "../num/index.ts";
import type { Exact } from "../op.ts";

export const exact: Exact<typeof op> = (t, { n_tok, hc, eps }, r) => {
  const mix = values(t.mix); // [n_tok, hc]
  const [scale] = values(t.scale);
  const base = values(t.base); // [hc]
  const pre = mix.map((m, i) => sigmoid(m * scale + base[i % hc]) + r.f32(eps));
  return { pre: r.store("f32", pre, [n_tok, hc]) };
};
