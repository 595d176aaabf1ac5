import { suite, type Case } from "../../harness/suite.ts";
import { op } from "../../kernels/mhc/hc_head_split.op.ts";

type C = Case<typeof op>;

const make =
  (n_tok: number, hc: number, std: number): C["make"] =>
  (g) => ({
    mix: g.normal("f32", [n_tok, hc], { std }),
    scale: g.from("f32", [1], () => 0.75),
    base: g.normal("f32", [hc]),
  });
const shape = (n_tok: number, hc: number, std: number): C => ({
  name: `n_tok=${n_tok}.hc=${hc}.std=${std}`,
  attrs: { eps: 1e-6 },
  make: make(n_tok, hc, std),
});

export default suite(op, [
  { name: "model.prefill", bench: true, attrs: { eps: 1e-6 }, make: make(67, 4, 1) },
  { name: "model.decode", bench: true, attrs: { eps: 1e-6 }, make: make(1, 4, 1) },
  shape(43, 3, 2),
  shape(5, 7, 10),
  shape(1, 1, 1),
  { name: "eps.large", attrs: { eps: 0.5 }, make: make(9, 5, 3) },
]);
