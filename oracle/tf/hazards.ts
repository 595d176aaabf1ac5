/**
 * Where tfjs 4.22.0 does not give what a right library gives, as rows: what is run, the right answer, and the answer of each
 * backend. The oracle works around every row (`around` says how), so a row that changes is news about the oracle's footing.
 */
import { tfjs, type Backend } from "./backend.ts";

/** A pinned answer: values, or a test where only a property is stable. */
export type Pinned =
  readonly number[] | { readonly says: string; readonly holds: (got: number[]) => boolean };

export interface Hazard {
  readonly name: string;
  readonly run: () => tfjs.Tensor | readonly number[];
  /** What a right library gives. */
  readonly right: readonly number[];
  /** What 4.22.0 gives; a backend that is not listed has not been measured. */
  readonly gives: Readonly<Partial<Record<Backend, Pinned>>>;
  /** How the oracle avoids it. */
  readonly around: string;
}

const vector = (...x: number[]): tfjs.Tensor1D => tfjs.tensor1d(x);
const f32 = Math.fround;
/** A pinned answer equal on both backends that were measured. */
const both = (x: Pinned): Hazard["gives"] => ({ wasm: x, cpu: x });

/** 1e8, n ones, -1e8: the exact sum is n. */
const cancelling = (n: number): Float32Array => {
  const x = new Float32Array(n + 2).fill(1);
  x[0] = 1e8;
  x[n + 1] = -1e8;
  return x;
};

/** tfjs' own comparison helpers: 1 when the pair passes. */
const passes = (check: () => void): number => {
  try {
    check();
    return 1;
  } catch {
    return 0;
  }
};

export const HAZARDS: readonly Hazard[] = [
  {
    name: "gather with batchDims 1",
    run: () =>
      tfjs.gather(
        tfjs.tensor2d([1, 2, 3, 4, 5, 6, 7, 8, 9], [3, 3]),
        tfjs.tensor2d([2, 1, 0], [3, 1], "int32"),
        1,
        1,
      ),
    right: [3, 5, 7],
    gives: {
      wasm: {
        says: "3, then foreign memory",
        holds: ([a, b, c]) => a === 3 && !(b === 5 && c === 7),
      },
      cpu: [3, 5, 7],
    },
    around: "indices are made flat and gathered along axis 0",
  },
  {
    name: "clipByValue(NaN, -10, 10)",
    run: () => tfjs.clipByValue(vector(NaN, 20), -10, 10),
    right: [NaN, 10],
    gives: { wasm: [-10, 10], cpu: [NaN, 10] },
    around: "minimum and maximum with the data as first operand",
  },
  {
    name: "maximum(-10, NaN) and maximum(NaN, -10)",
    run: () => tfjs.concat([tfjs.maximum(vector(-10), vector(NaN)), tfjs.maximum(vector(NaN), vector(-10))]),
    right: [NaN, NaN],
    gives: { wasm: [-10, NaN], cpu: [NaN, NaN] },
    around: "the data is the first operand",
  },
  {
    name: "topk of one 1 among 4095 equal scores",
    run: () => {
      const x = new Float32Array(4096).fill(-Infinity);
      x[100] = 1;
      return tfjs.topk(tfjs.tensor1d(x), 4).indices;
    },
    right: [100, 0, 1, 2],
    gives: {
      wasm: [100, 0, 1, 2],
      cpu: { says: "100, then any order", holds: (x) => x[0] === 100 && !(x[1] === 0 && x[2] === 1) },
    },
    around: "selection orders typed arrays, equal scores by index",
  },
  {
    name: "topk of [1, NaN, 3, 2]",
    run: () => tfjs.topk(vector(1, NaN, 3, 2), 3).indices,
    right: [2, 3, 0],
    gives: both([2, 3, 1]),
    around: "selection ranks NaN after every number",
  },
  {
    name: "argMax([1, NaN, 2]) while max gives NaN",
    run: () =>
      tfjs.concat([
        tfjs.reshape(tfjs.cast(tfjs.argMax(vector(1, NaN, 2)), "float32"), [1]),
        tfjs.reshape(tfjs.max(vector(1, NaN, 2)), [1]),
      ]),
    right: [1, NaN],
    gives: both([2, NaN]),
    around: "no argMax",
  },
  {
    name: "sum of 1e8, 1000 ones, -1e8",
    run: () => tfjs.sum(tfjs.tensor1d(cancelling(1000))),
    right: [1000],
    gives: { wasm: [0], cpu: [1000] },
    around: "long rows are summed in runs of about sqrt(n)",
  },
  {
    name: "sum over an empty axis",
    run: () => tfjs.sum(tfjs.zeros([2, 0]), 1),
    right: [0, 0],
    gives: {
      wasm: { says: "foreign memory, sometimes zeros", holds: (x) => x.length === 2 },
      cpu: [0, 0],
    },
    around: "empty sums are made of zeros",
  },
  {
    name: "matMul of 1e8, 4096 ones, -1e8 with ones",
    run: () => tfjs.matMul(tfjs.tensor2d(cancelling(4096), [1, 4098]), tfjs.ones([4098, 1])),
    right: [4096],
    gives: { wasm: [0], cpu: [4097] },
    around: "float32 products are a third opinion; the float64 oracle is the reference of record",
  },
  {
    name: "floor(log(x) / ln 2) of 2^-126 and 7.9999995",
    run: () => tfjs.floor(tfjs.div(tfjs.log(vector(2 ** -126, 7.9999995)), Math.LN2)),
    right: [-126, 2],
    gives: both([-127, 3]),
    around: "exponents come from float32 bits",
  },
  {
    name: "log1p(1e-10)",
    run: () => tfjs.log1p(vector(1e-10)),
    right: [f32(1e-10)],
    gives: { wasm: [0], cpu: [f32(1e-10)] },
    around: "softplus, which takes exp(x) itself where it is small",
  },
  {
    name: "cast(3e9, int32)",
    run: () => tfjs.cast(vector(3e9), "int32"),
    right: [2147483647],
    gives: both([-1294967296]),
    around: "no cast of data",
  },
  {
    name: "sigmoid(-100)",
    run: () => tfjs.sigmoid(vector(-100)),
    right: [f32(3.7835058537e-44)],
    gives: { wasm: [0], cpu: [f32(3.7835058537e-44)] },
    around: "exp(min(x, 0)) / (1 + exp(-|x|))",
  },
  {
    name: "product and sum of denormals",
    run: () => tfjs.concat([tfjs.mul(vector(2 ** -126), 2 ** -10), tfjs.add(vector(2 ** -140), 2 ** -140)]),
    right: [2 ** -136, 2 ** -139],
    gives: both([2 ** -136, 2 ** -139]),
    around: "none needed: ue8m0 code 0 is a float32 denormal and must survive",
  },
  {
    name: "softmax of a row of -Infinity",
    run: () => tfjs.softmax(tfjs.tensor2d([-Infinity, -Infinity], [1, 2])),
    right: [NaN, NaN],
    gives: both([NaN, NaN]),
    around: "attention masks by slot counts and gives a query without keys 0",
  },
  {
    name: "expectArraysClose of [NaN, Infinity], [-Infinity, Infinity] and expectArraysEqual of [NaN, -Infinity]",
    run: () => [
      passes(() => tfjs.test_util.expectArraysClose([NaN], [Infinity])),
      passes(() => tfjs.test_util.expectArraysClose([-Infinity], [Infinity])),
      passes(() => tfjs.test_util.expectArraysEqual([NaN], [-Infinity])),
    ],
    right: [0, 0, 0],
    gives: both([1, 1, 1]),
    around: "no comparison goes through tfjs' test helpers",
  },
];
