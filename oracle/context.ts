/** What the parts of the composition share: configuration, weights, the executor, and the two steps of an FP8 linear. */
import { op as linearFp8Op } from "../kernels/linear/linear_fp8.op.ts";
import { op as actQuantFp8 } from "../kernels/quant/act_quant_fp8.op.ts";
import type { OpDecl, Scalars } from "../kernels/schema.ts";
import type { LayerKind, ModelConfig } from "./config.ts";
import type { Executor, In, Out } from "./op.ts";
import type { Tensor } from "./tensor.ts";
import type { Weights } from "./weights.ts";

/** RoPE frequencies of a layer, f32 [rope_dim / 2] (f64 for the ideal oracle). */
export type FreqTable = (kind: LayerKind) => Tensor;

export class Ctx {
  readonly cfg: ModelConfig;
  readonly w: Weights;
  readonly ex: Executor;
  readonly freq: FreqTable;
  /** Prefix of parameter names and of taps: `layers.12.`, `mtp.0.` or "" for the model's own. */
  readonly prefix: string;

  constructor(cfg: ModelConfig, w: Weights, ex: Executor, freq: FreqTable, prefix = "") {
    this.cfg = cfg;
    this.w = w;
    this.ex = ex;
    this.freq = freq;
    this.prefix = prefix;
  }

  at(prefix: string): Ctx {
    return new Ctx(this.cfg, this.w, this.ex, this.freq, prefix);
  }

  call<D extends OpDecl>(op: D, site: string, t: In<D>, attrs?: Scalars): Promise<Out<D>> {
    return this.ex.call(op, this.prefix + site, t, attrs);
  }
}

export interface Quantised {
  readonly q: Tensor; // e4m3 [M, K]
  readonly s: Tensor; // ue8m0 [M, K / 128]
}

/** bf16 [M, K] -> e4m3 with a ue8m0 scale per 1 x 128. */
export const quantiseFp8 = (c: Ctx, site: string, x: Tensor): Promise<Quantised> =>
  c.call(actQuantFp8, site, { x }, { block: 128, floor: 1e-4 });

/** FP8 x FP8 linear with the checkpoint's `<name>.weight` [N, K] and `<name>.scale` [N/128, K/128]. */
export const linearFp8 = async (c: Ctx, site: string, x: Quantised, name: string): Promise<Tensor> =>
  (
    await c.call(linearFp8Op, site, {
      a: x.q,
      a_s: x.s,
      w: c.w.get(`${c.prefix}${name}.weight`),
      w_s: c.w.get(`${c.prefix}${name}.scale`),
    })
  ).y;
