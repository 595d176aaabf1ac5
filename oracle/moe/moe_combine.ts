/** z = bf16(((0 + routed_0) + routed_1 + ..) + shared), every addition in f32, in slot order. */
import type { op } from "../../kernels/moe/moe_combine.op.ts";
import { values } from "../num/index.ts";
import type { Exact } from "../op.ts";

export const exact: Exact<typeof op> = (t, { n_tok, n_act, d_model }, r) => {
  const routed = values(t.routed); // [n_row, d_model]
  const slot_row = values(t.slot_row); // [n_tok, n_act]
  const shared = values(t.shared); // [n_tok, d_model]
  const z = new Float64Array(n_tok * d_model);
  for (let i = 0; i < n_tok; i++)
    for (let c = 0; c < d_model; c++) {
      let sum = 0;
      for (let k = 0; k < n_act; k++) sum = r.f32(sum + routed[slot_row[i * n_act + k] * d_model + c]);
      z[i * d_model + c] = r.f32(sum + shared[i * d_model + c]);
    }
  return { z: r.store("bf16", z, [n_tok, d_model]) };
};
