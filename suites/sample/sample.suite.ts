import { suite, type Case, type Inputs } from "../../harness/suite.ts";
import { op } from "../../kernels/sample/sample.op.ts";

type C = Case<typeof op>;

const inputs = (g: Inputs, n_row: number, vocab: number, std = 3) => ({
  logits: g.normal("f32", [n_row, vocab], { std }),
  pos: g.ints([n_row], 0, 1 << 20),
});
const draw = (
  name: string,
  n_row: number,
  vocab: number,
  temperature: number,
  top_p: number,
  std = 3,
): C => ({
  name: `${name}.temperature=${temperature}.top_p=${top_p}`,
  attrs: { temperature, top_p, seed: 20240 + vocab },
  make: (g) => inputs(g, n_row, vocab, std),
});
const model = (name: string, n_row: number, vocab: number, temperature: number, top_p: number): C => ({
  ...draw(`model.${name}`, n_row, vocab, temperature, top_p),
  bench: true,
});

const greedy = { temperature: 0, top_p: 1, seed: 0 };
const at = (i: number, vocab: number): [number, number] => [Math.floor(i / vocab), i % vocab];

const corners: C[] = [
  {
    // two and three equal largest logits, whole rows of one value, signed zeros: the lowest id
    name: "greedy.ties",
    attrs: greedy,
    make: (g) => ({
      logits: g.from("f32", [5, 1031], (i) => {
        const [row, id] = at(i, 1031);
        if (row === 0) return id === 700 || id === 1030 ? 9 : g.random();
        if (row === 1) return id % 500 === 3 ? 1.5 : g.random();
        if (row === 2) return -4;
        if (row === 3) return id < 2 ? -1 : id === 2 ? -0 : 0;
        return -Infinity;
      }),
      pos: g.ints([5], 0, 9),
    }),
  },
  {
    // NaN never wins, not even first; an infinity does; a row without a number gives -1
    name: "greedy.nan",
    attrs: greedy,
    make: (g) => ({
      logits: g.from("f32", [5, 517], (i) => {
        const [row, id] = at(i, 517);
        if (row === 0) return id % 3 === 0 ? NaN : g.random();
        if (row === 1) return id === 516 ? -7 : NaN;
        if (row === 2) return id === 40 ? Infinity : id === 3 ? NaN : id;
        if (row === 4) return NaN;
        return id < 400 ? NaN : id === 450 ? -3e38 : -Infinity;
      }),
      pos: g.ints([5], 0, 9),
    }),
  },
  {
    // no softmax, no id: only NaN, one NaN, an infinite maximum; the last row is a plain one
    name: "race.nan",
    attrs: { temperature: 0.9, top_p: 0.8, seed: 31 },
    make: (g) => ({
      logits: g.from("f32", [4, 219], (i) => {
        const [row, id] = at(i, 219);
        if (row === 0 || (row === 1 && id === 130)) return NaN;
        return row === 2 && id === 77 ? Infinity : g.random();
      }),
      pos: g.ints([4], 0, 1 << 20),
    }),
  },
  {
    // every id equally likely, also at the border of top_p, where equal p stay together: the race alone decides
    name: "race.equal",
    attrs: { temperature: 1, top_p: 0.5, seed: -5 },
    make: (g) => ({ logits: g.from("f32", [7, 130], () => 2), pos: g.from("i32", [7], (i) => i) }),
  },
  {
    // masked ids have no chance
    name: "race.masked",
    attrs: { temperature: 1.5, top_p: 1, seed: 77 },
    make: (g) => ({
      logits: g.from("f32", [9, 261], (i) => (i % 4 === 1 ? g.random() : -Infinity)),
      pos: g.ints([9], 0, 1 << 20),
    }),
  },
  {
    // positions found by search: the word of id 20, 3 and 12 (seed 7) has 24 leading ones, so E is 2^-25 and the id wins
    // by far, unless u is rounded to 1; that of ids 25 and 13 has 24 leading zeros, the largest E
    name: "race.ends",
    attrs: { temperature: 1, top_p: 1, seed: 7 },
    make: (g) => ({
      logits: g.uniform("f32", [5, 64], 0, 2),
      pos: g.from("i32", [5], (i) => [288191, 813928, 878593, 137517, 205910][i]),
    }),
  },
  {
    // the same row at many positions: each has its own stream
    name: "race.positions",
    attrs: { temperature: 1, top_p: 0.9, seed: 2147483647 },
    make: (g) => ({
      logits: g.from("f32", [40, 64], (i) => ((i % 64) * 37) % 11),
      pos: g.from("i32", [40], (i) => (i < 20 ? i : 1048575 - i)),
    }),
  },
];

export default suite(op, [
  model("greedy", 5, 1024, 0, 1),
  model("race", 5, 1024, 1, 1),
  model("nucleus", 5, 1024, 0.6, 0.95),
  model("pro", 1, 129280, 1, 0.95),
  draw("vocab=2051", 3, 2051, 1, 0.5),
  draw("vocab=1", 2, 1, 1, 0.5),
  draw("vocab=7", 4, 7, 0.8, 0.3),
  draw("flat", 6, 999, 1, 0.5, 0.01),
  draw("peaked", 6, 1001, 1, 0.9, 10),
  draw("cold", 6, 600, 1e-6, 1),
  draw("hot", 6, 600, 20, 1),
  draw("only-largest", 6, 333, 1, 0),
  ...corners,
]);
