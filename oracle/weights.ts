/** Where the model's composition takes its parameters from: a checkpoint, a golden bundle, or a generator. Official names. */
import type { Tensor } from "./tensor.ts";

/** Weights of some experts' projection, stacked in the order of `ids`. */
export interface ExpertStack {
  /** [n_slot, N, K] */
  readonly w: Tensor;
  /** mxfp4: ue8m0 [n_slot, N, K/32]; nvfp4: e4m3 [n_slot, N, K/16] */
  readonly w_s: Tensor;
  /** nvfp4 only: f32 [n_slot] */
  readonly w_global?: Tensor;
  /** nvfp4 only: f32 [n_slot], the activation's global scale. */
  readonly a_global?: Tensor;
}

export interface Weights {
  /** Throws one sentence when there is no such tensor. */
  get(name: string): Tensor;
  /** `prefix` is `layers.3.ffn.experts`; throws when one of `ids` is not in the checkpoint. */
  experts(prefix: string, proj: "w1" | "w2" | "w3", ids: readonly number[]): ExpertStack;
}
