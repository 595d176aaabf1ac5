/** y = bf16(fma(a, x, b)): one f32 fma, then one rounding to bf16. */
import type { op } from "../../kernels/skeleton/skeleton.op.ts";
import { fma32, values } from "../num/index.ts";
import type { Exact } from "../op.ts";

export const exact: Exact<typeof op> = (t, { n, a }, r) => {
  const x = values(t.x); // [n]
  const b = values(t.b); // [n]
  const fma = r.name === "faithful" ? fma32 : (p: number, q: number, s: number) => p * q + s;
  return {
    y: r.store(
      "bf16",
      x.map((v, i) => fma(r.f32(a), v, b[i])),
      [n],
    ),
  };
};
