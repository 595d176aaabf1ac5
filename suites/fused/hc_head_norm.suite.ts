import { suite, type Case } from "../../harness/suite.ts";
import { op } from "../../kernels/fused/hc_head_norm.op.ts";
import { entering, headAttrs, SHAPES, toHead } from "./streams.ts";

type C = Case<typeof op>;

const shapes = SHAPES.map(({ n_tok, d_model, ...c }): C => ({
  ...c,
  attrs: headAttrs,
  make: (g) => ({ ...entering(g, n_tok, d_model), ...toHead(g, d_model) }),
}));

const corners: C[] = [
  {
    name: "eps.large",
    attrs: { eps: 0.5, hc_eps: 0.0625 },
    make: (g) => ({ ...entering(g, 18, 72), ...toHead(g, 72) }),
  },
  {
    // each row of fn picks one channel, so that a stream or a CTA in another's place shows
    name: "one-hot",
    attrs: headAttrs,
    make: (g) => ({
      ...entering(g, 3, 264),
      ...toHead(g, 264),
      fn: g.from("f32", [4, 4 * 264], (i) => (i % 1056 === 263 * Math.floor(i / 1056) ? 40 : 0)),
    }),
  },
];

export default suite(op, [...shapes, ...corners]);
