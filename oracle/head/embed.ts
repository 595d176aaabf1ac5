/** Every stream is a copy of the token's row. */
import type { op } from "../../kernels/head/embed.op.ts";
import { decodeInto, values } from "../num/index.ts";
import type { Exact } from "../op.ts";

export const exact: Exact<typeof op> = (t, { n_tok, vocab, d_model, hc }, r) => {
  const tok = values(t.tok); // [n_tok]
  const x = new Float64Array(n_tok * hc * d_model);
  for (let i = 0; i < n_tok; i++) {
    if (!(tok[i] >= 0 && tok[i] < vocab))
      throw new Error(`embed: expected token ids in 0..${vocab - 1}, got ${tok[i]} at ${i}`);
    for (let j = 0; j < hc; j++) decodeInto(t.table, tok[i] * d_model, d_model, x, (i * hc + j) * d_model); // [vocab, d_model]
  }
  return { x: r.store("bf16", x, [n_tok, hc, d_model]) };
};
