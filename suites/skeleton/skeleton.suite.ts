import { suite, type Case } from "../../harness/suite.ts";
import { op } from "../../kernels/skeleton/skeleton.op.ts";

type C = Case<typeof op>;

const shape = (n: number, a: number): C => ({
  name: `n=${n}.a=${a}`,
  attrs: { a },
  make: (g) => ({ x: g.normal("bf16", [n], { std: 10 }), b: g.normal("f32", [n]) }),
});

const corners: C[] = [
  {
    // 1 + 2^-8 is half way between two bf16; b decides from far below, which a rounded product would lose
    name: "fma.ties",
    attrs: { a: 1 + 2 ** -12 },
    make: (g) => ({
      x: g.from("bf16", [300], (i) => 1 + (i % 128) * 2 ** -7),
      b: g.from("f32", [300], (i) => (i % 2 ? 1 : -1) * 2 ** -(8 + (i % 23))),
    }),
  },
];

export default suite(op, [{ ...shape(4096, 0.7), bench: true }, shape(1, -3), shape(257, 1.5), ...corners]);
