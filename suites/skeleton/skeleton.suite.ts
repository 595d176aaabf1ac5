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
    // every other b takes away the rounded product: its rounding error is left, which only a fused multiply-add keeps
    name: "fma.residue",
    attrs: { a: Math.fround(1 / 3) },
    make: (g) => {
      const x = (i: number): number => (1 + (i % 128) * 2 ** -7) * 2 ** (i % 11);
      return {
        x: g.from("bf16", [300], x),
        b: g.from("f32", [300], (i) => (i % 2 ? 1 : -Math.fround(Math.fround(1 / 3) * x(i)))),
      };
    },
  },
];

export default suite(op, [{ ...shape(4096, 0.7), bench: true }, shape(1, -3), shape(257, 1.5), ...corners]);
