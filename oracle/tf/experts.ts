/** The grouped product of a mixture of experts: one matrix product an expert that has rows. */
import { tfjs } from "./backend.ts";
import { ints, type Matrix } from "./io.ts";
import { linear } from "./program.ts";
import type { Tensor } from "../tensor.ts";

/**
 * Rows [offset[e], offset[e + 1]) of `a(first, n)` times the weight in expert e's slot, each scaled by `factor(e, slot)`.
 * Throws where rows belong to an expert that is not resident.
 */
export function perExpert(
  what: string,
  t: { readonly offset: Tensor; readonly expert_slot: Tensor },
  s: { readonly n_row: number; readonly n_expert: number; readonly N: number },
  a: (first: number, n: number) => tfjs.Tensor,
  w: (slot: number) => Matrix,
  factor: (e: number, slot: number) => number = () => 1,
): tfjs.Tensor {
  const offset = ints(t.offset);
  const slots = ints(t.expert_slot);
  const parts: tfjs.Tensor[] = [];
  for (let e = 0; e < s.n_expert; e++) {
    const n = offset[e + 1] - offset[e];
    if (n === 0) continue;
    if (slots[e] < 0)
      throw new Error(`${what}: expected expert ${e} to be resident for its ${n} rows, got -1`);
    parts.push(tfjs.tidy(() => tfjs.mul(linear(a(offset[e], n), w(slots[e])), factor(e, slots[e]))));
  }
  if (offset[0] !== 0 || offset[s.n_expert] !== s.n_row)
    throw new Error(
      `${what}.offset: expected to cover rows 0..${s.n_row - 1}, got ${offset[0]}..${offset[s.n_expert] - 1}`,
    );
  return parts.length > 0 ? tfjs.concat(parts, 0) : tfjs.zeros([0, s.N]);
}
