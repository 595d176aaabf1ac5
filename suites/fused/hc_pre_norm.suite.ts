import { suite, type Case } from "../../harness/suite.ts";
import { op } from "../../kernels/fused/hc_pre_norm.op.ts";
import { attrs, entering, normCorners, SHAPES, toNorm } from "./streams.ts";

type C = Case<typeof op>;

const shapes = SHAPES.map(({ n_tok, d_model, ...c }): C => ({
  ...c,
  attrs,
  make: (g) => ({ ...entering(g, n_tok, d_model), ...toNorm(g, d_model) }),
}));

export default suite(op, [...shapes, ...normCorners(entering)]);
