/** The verdict stack against synthetic bugs: every one is caught on every kind of data, and healthy kernels never raise an alarm. */
import { describe, expect, test } from "vitest";
import { choice, close, exact, f32Sum, out, type DType, type Judge } from "../kernels/schema.ts";
import { encode, values } from "../oracle/num/index.ts";
import type { Tensor } from "../oracle/tensor.ts";
import { generator } from "./inputs.ts";
import { CLEAN, judge, type Guards, type Verdict } from "./verdict.ts";

const ROWS = 96;
const COLS = 640;
const E = f32Sum(7168);

const gaussian = (key: string): (() => number) => {
  const u = generator(key);
  return () => Math.sqrt(-2 * Math.log(1 - u())) * Math.cos(2 * Math.PI * u());
};

/** What a kernel computes before its store, by kind of data. */
const DATA: Record<string, (g: () => number, r: number, c: number) => number> = {
  normal: (g) => g(),
  "one massive channel": (g, _, c) => g() * (c === 17 ? 3000 : 1),
  small: (g) => 2e-3 * g(),
  "heavy tails": (g) => g() / Math.sqrt((g() ** 2 + g() ** 2 + g() ** 2) / 3),
  "log-normal": (g) => Math.exp(3 * g()),
  "one massive row": (g, r) => g() * (r === 5 ? 1e4 : 1),
};

function make(kind: string, seed: string): Float64Array {
  const g = gaussian(seed);
  const v = new Float64Array(ROWS * COLS);
  for (let i = 0; i < v.length; i++) v[i] = DATA[kind](g, Math.floor(i / COLS), i % COLS);
  return v;
}

/** v plus what a legal kernel may add: a quarter of the declared noise, as schema.ts says, correlated within rows half of the time. */
function legal(v: Float64Array, e: number, seed: string): Float64Array {
  const g = gaussian(`legal ${seed}`);
  const y = new Float64Array(v.length);
  for (let r = 0; r < ROWS; r++) {
    const row = v.subarray(r * COLS, (r + 1) * COLS);
    const typical = 1.5 * row.map(Math.abs).sort()[COLS >> 1];
    const common = (r % 2) * (e / 4) * g();
    for (let c = 0; c < COLS; c++)
      y[r * COLS + c] = row[c] * (1 + common) + (e / 4) * g() * Math.max(Math.abs(row[c]), typical);
  }
  return y;
}

const store = (dtype: DType, v: Float64Array): Tensor => encode(dtype, v, [ROWS, COLS]);

function verdict(native: Tensor, faithful: Tensor, by: Judge, guards: Guards = CLEAN): Verdict {
  const decl = out(faithful.dtype, ["rows", "cols"], by);
  return judge({ decl, scalars: {}, native, faithful, guards, oracles: null });
}
const noisy = close(E, "f32 accumulation order over 7168 terms");

/** The kernel's value before the store, broken in one way. `g` is a fresh generator. */
const BUGS: Record<string, (v: Float64Array, g: () => number) => Float64Array> = {
  "all zero": (v) => v.map(() => 0),
  "the mean everywhere": (v) => v.slice().fill(v.reduce((a, x) => a + x, 0) / v.length),
  "scale x2": (v) => v.map((x) => 2 * x),
  "scale x1.01": (v) => v.map((x) => 1.01 * x),
  "scale x0.998": (v) => v.map((x) => 0.998 * x),
  "one row zero": (v) => v.map((x, i) => (Math.floor(i / COLS) === 40 ? 0 : x)),
  "one row doubled": (v) => v.map((x, i) => (Math.floor(i / COLS) === 40 ? 2 * x : x)),
  "last row stale": (v) => v.map((x, i) => (Math.floor(i / COLS) === ROWS - 1 ? v[i - COLS] : x)),
  "one column zero": (v) => v.map((x, i) => (i % COLS === 100 ? 0 : x)),
  "columns but the massive one zero": (v) => v.map((x, i) => (i % COLS === 17 ? x : 0)),
  "one 1x128 block zero": (v) => v.map((x, i) => (i >= 3 * COLS + 128 && i < 3 * COLS + 256 ? 0 : x)),
  "a garbage head": (v, g) => v.map((x, i) => (i % COLS >= 576 ? x * g() : x)),
  "5 % of elements garbage": (v, g) => v.map((x, i) => (i % 20 === 7 ? x * g() : x)),
  "rows swapped": (v) =>
    v.map((x, i) =>
      Math.floor(i / COLS) === 1 ? v[i + COLS] : Math.floor(i / COLS) === 2 ? v[i - COLS] : x,
    ),
  "a 16 x 16 tile transposed": (v) =>
    v.map((x, i) => {
      const [r, c] = [Math.floor(i / COLS), i % COLS];
      return r < 16 && c < 16 ? v[c * COLS + r] : x;
    }),
  "shifted by one channel": (v) => v.map((x, i) => (i % COLS === 0 ? x : v[i - 1])),
  "one K block of 56 missing": (v, g) => v.map((x) => x * (1 - 1 / 56) + x * g() * 0.13),
  "... in the last row only": (v, g) =>
    v.map((x, i) => (Math.floor(i / COLS) === ROWS - 1 ? x * (1 - 1 / 56) + x * g() * 0.13 : x)),
  "one sign flipped": (v) => v.map((x, i) => (i === 12345 ? -x : x)),
  "the largest value of a row 4 bf16 ulp off": (v) => {
    const row = v.subarray(7 * COLS, 8 * COLS).map(Math.abs);
    const at = 7 * COLS + row.indexOf(Math.max(...row));
    return v.map((x, i) => (i === at ? x * (1 + 2 ** -5) : x));
  },
  "one NaN": (v) => v.map((x, i) => (i === 777 ? NaN : x)),
  "one infinity": (v) => v.map((x, i) => (i === 777 ? Infinity : x)),
  "half precision accumulation": (v, g) => v.map((x) => x * (1 + 2 ** -10 * g())),
};

/** Bugs of the store itself. */
const STORES: Record<string, (v: Float64Array) => Tensor> = {
  "truncation instead of rounding": (v) => {
    const bits = new Uint32Array(Float32Array.from(v).buffer);
    return { dtype: "bf16", shape: [ROWS, COLS], data: Uint16Array.from(bits, (b) => b >>> 16) };
  },
  "rounding up in magnitude": (v) => {
    const bits = new Uint32Array(Float32Array.from(v).buffer);
    return { dtype: "bf16", shape: [ROWS, COLS], data: Uint16Array.from(bits, (b) => (b + 0xffff) >>> 16) };
  },
  "two roundings, through 10 bits": (v) =>
    store(
      "bf16",
      v.map((x) => Number(x.toPrecision(3))),
    ),
};

describe("healthy kernels raise no alarm", () => {
  for (const kind of Object.keys(DATA))
    for (const dtype of ["bf16", "f32"] as const)
      test(`${kind}, ${dtype}`, () => {
        for (let seed = 0; seed < 4; seed++) {
          const v = make(kind, `${kind} ${seed}`);
          for (const e of [E, 2 ** -21, 2 ** -14]) {
            const r = verdict(store(dtype, legal(v, e, `${seed}`)), store(dtype, v), close(e, "test"));
            expect(`${r.status} ${r.sentence}`).toMatch(/^PASS/);
            expect(r.share).toBeLessThan(1);
          }
          expect(verdict(store(dtype, v), store(dtype, v), exact("a copy")).status).toBe("PASS");
        }
      });
});

test("a row that jumps by what its op declares raises no alarm, alone or among others; four times that does", () => {
  const by = close(2 ** -14, "test", 2 ** -7);
  for (const rows of [1, 2, 8, ROWS])
    for (let seed = 0; seed < 8; seed++) {
      const v = make("normal", `jump ${seed}`).subarray(0, rows * COLS);
      const jumped = (size: number): Verdict => {
        const y = v.map((x, i) => (i < COLS ? x * (1 + (seed % 2 ? size : -size)) : x));
        const decl = out("bf16", ["rows", "cols"], by);
        const [native, faithful] = [y, v].map((x) => encode("bf16", x, [rows, COLS]));
        return judge({ decl, scalars: {}, native, faithful, guards: CLEAN, oracles: null });
      };
      expect(`${rows} rows: ${jumped(2 ** -7).sentence}`).toMatch(/of a bound used/);
      expect(jumped(2 ** -5).status).toBe("FAIL");
    }
});

describe("every synthetic bug is caught", () => {
  for (const kind of Object.keys(DATA))
    test(kind, () => {
      const v = make(kind, kind);
      const good = legal(v, E, kind);
      const survivors: string[] = [];
      for (const dtype of ["bf16", "f32"] as const)
        for (const [name, bug] of Object.entries(BUGS)) {
          const r = verdict(store(dtype, bug(good, gaussian(name))), store(dtype, v), noisy);
          if (r.status !== "FAIL") survivors.push(`${name} (${dtype}): ${r.status} ${r.sentence}`);
        }
      for (const [name, bug] of Object.entries(STORES)) {
        const r = verdict(bug(good), store("bf16", v), noisy);
        if (r.status !== "FAIL") survivors.push(`${name}: ${r.status} ${r.sentence}`);
      }
      expect(survivors).toEqual([]);
    });
  test("an exact contract fails for one bit, and for -0 in place of 0", () => {
    const v = make("normal", "bit");
    v[9] = 0;
    const good = store("bf16", v);
    const flip = {
      ...good,
      data: Uint16Array.from(good.data as Uint16Array, (b, i) => (i === 4242 ? b ^ 1 : b)),
    };
    const r = verdict(flip, good, exact("a copy"));
    expect(r).toMatchObject({ status: "FAIL", stage: "bits", metrics: { differ: 1 } });
    expect(r.worst_element?.at).toEqual([Math.floor(4242 / COLS), 4242 % COLS]);
    const minus = {
      ...good,
      data: Uint16Array.from(good.data as Uint16Array, (b, i) => (i === 9 ? 0x8000 : b)),
    };
    expect(verdict(minus, good, exact("a copy")).status).toBe("FAIL");
  });
});

describe("order of the verdict", () => {
  const v = make("normal", "order");
  const good = store("bf16", v);
  test("shape before anything", () => {
    expect(verdict({ ...good, shape: [COLS, ROWS] }, good, noisy)).toMatchObject({
      status: "FAIL",
      stage: "shape",
    });
  });
  test("masks: NaN payloads of a class are equal, infinities of another sign are not", () => {
    const masked = v.map((x, i) => (i % 7 === 0 ? -Infinity : i % 11 === 0 ? NaN : x));
    const want = store("bf16", masked);
    const other = {
      ...want,
      data: Uint16Array.from(want.data as Uint16Array, (b) => ((b & 0x7fff) > 0x7f80 ? 0xffff : b)),
    };
    expect(verdict(other, want, noisy).status).toBe("PASS");
    expect(verdict(other, want, exact("bits")).status).toBe("PASS");
    const wrong = store(
      "bf16",
      masked.map((x, i) => (i === 14 ? Infinity : x)),
    );
    expect(verdict(wrong, want, noisy)).toMatchObject({ status: "FAIL", stage: "nonfinite" });
  });
  test("guards before numbers", () => {
    const say = (g: Partial<Guards>): Verdict => verdict(good, good, noisy, { ...CLEAN, ...g });
    expect(say({ damage: ["y: guard after changed"] })).toMatchObject({ status: "FAIL", stage: "canary" });
    expect(say({ unwritten: 2 })).toMatchObject({ status: "FAIL", stage: "unwritten" });
    expect(say({ repeatable: false })).toMatchObject({ status: "FLAKY", stage: "repeat" });
  });
  test("oracles that disagree are not the kernel's fault", () => {
    const decl = out("bf16", ["rows", "cols"], noisy);
    const oracles = { against: "ideal", rel_l2: 0.1, bound: 1e-4, agree: false, backend: "wasm" } as const;
    const bad = store(
      "bf16",
      v.map((x) => 2 * x),
    );
    const r = judge({ decl, scalars: {}, native: bad, faithful: good, guards: CLEAN, oracles });
    expect(r.status).toBe("ORACLE_SPLIT");
  });
  test("what could not fail is vacuous", () => {
    const zero = store(
      "bf16",
      v.map(() => 0),
    );
    expect(verdict(zero, zero, noisy)).toMatchObject({ status: "VACUOUS" });
    expect(verdict(zero, zero, exact("a copy"))).toMatchObject({ status: "VACUOUS" });
    const flat = store(
      "bf16",
      v.map(() => 3),
    );
    expect(verdict(flat, flat, noisy)).toMatchObject({ status: "VACUOUS" });
    expect(verdict(good, good, close(10, "a bound that admits anything"))).toMatchObject({
      status: "VACUOUS",
    });
    const empty = { dtype: "bf16", shape: [0, 8], data: new Uint16Array(0) } as const;
    expect(verdict(empty, empty, noisy)).toMatchObject({ status: "VACUOUS" });
    expect(verdict(good, zero, noisy)).toMatchObject({ status: "FAIL" });
  });
});

describe("discrete decisions", () => {
  const ids = (x: number[]): Tensor => encode("i32", x, [3, 2]);
  const say = (regret: number[], native = ids([0, 1, 2, 3, 4, 9])): Verdict =>
    judge({
      decl: out("i32", ["n", "k"], choice(1e-6, "near ties")),
      scalars: {},
      native,
      faithful: ids([0, 1, 2, 3, 4, 5]),
      guards: CLEAN,
      oracles: null,
      regret: Float64Array.from(regret),
    });
  test("a flip within the slack passes and is in the ledger", () => {
    const r = say([0, 0, 5e-7]);
    expect(r).toMatchObject({ status: "PASS", decisions: { n: 3, flips: 1, max_regret: 5e-7 } });
    expect(r.share).toBeCloseTo(0.5);
    expect(r.decisions?.worst[0]).toEqual({ row: 2, regret: 5e-7, native: [4, 9], faithful: [4, 5] });
  });
  test("beyond the slack, illegal or NaN it fails", () => {
    for (const bad of [2e-6, Infinity, NaN])
      expect(say([0, 0, bad])).toMatchObject({ status: "FAIL", stage: "regret" });
  });
});

test("values of a judged tensor are not changed", () => {
  const v = store("f32", make("normal", "const"));
  const before = values(v).slice();
  verdict(v, v, noisy);
  expect(values(v)).toEqual(before);
});
