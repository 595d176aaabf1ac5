/** Two devices on the same cases: the same bits, or how far apart. */
import type { Variant } from "../kernels/schema.ts";
import type { Tensor } from "../oracle/tensor.ts";
import { values } from "../oracle/num/index.ts";
import { codeOf } from "./codes.ts";
import { distance } from "./distance.ts";
import { tensorOf, type OutputRecord, type Outputs } from "./outputs.ts";

/** One output of a case. */
export interface Apart {
  readonly output: string;
  readonly n: number;
  /** Elements whose bits differ; NaN is NaN, whatever its bits. */
  readonly differ: number;
  readonly calc_diff: number;
  /** Largest distance in representable values; infinite where one side alone is NaN. */
  readonly ulp: number;
}

export interface CaseVerdict {
  readonly op: string;
  readonly case: string;
  /** same: bit for bit; none: one of the two gave nothing that can be compared, `why` says what. */
  readonly state: "same" | "apart" | "none";
  readonly apart: readonly Apart[];
  readonly why: string;
}

/** `a` against `b`, of one dtype and shape. */
export function apart(output: string, a: Tensor, b: Tensor): Apart {
  const [x, y] = [values(a), values(b)];
  let [differ, ulp] = [0, 0];
  for (let i = 0; i < x.length; i++) {
    if (Number.isNaN(x[i]) && Number.isNaN(y[i])) continue;
    if (Object.is(x[i], y[i])) continue;
    differ++;
    const nan = Number.isNaN(x[i]) || Number.isNaN(y[i]);
    ulp = Math.max(ulp, nan ? Infinity : Math.abs(codeOf(a, i) - codeOf(b, i)));
  }
  return { output, n: x.length, differ, calc_diff: distance(a, b).calc_diff, ulp };
}

const none = (op: string, name: string, why: string): CaseVerdict => ({
  op,
  case: name,
  state: "none",
  apart: [],
  why,
});

/** One case. Throws nothing: what cannot be compared says why. */
export function judgeCase(
  op: string,
  name: string,
  a: readonly OutputRecord[],
  b: readonly OutputRecord[],
): CaseVerdict {
  const by = new Map(b.map((r) => [r.output, r]));
  const found: Apart[] = [];
  for (const r of a) {
    const o = by.get(r.output);
    if (!o) return none(op, name, `${r.output}: expected both devices to give it, got one`);
    if (o.hashes.inputs !== r.hashes.inputs)
      return none(op, name, `inputs: expected ${o.hashes.inputs}, got ${r.hashes.inputs}`);
    if (o.dtype !== r.dtype || o.shape.join() !== r.shape.join())
      return none(
        op,
        name,
        `${r.output}: expected ${o.dtype}[${o.shape.join(", ")}], got ${r.dtype}[${r.shape.join(", ")}]`,
      );
    if (o.variant !== r.variant) return none(op, name, `kernel: expected ${o.variant}, got ${r.variant}`);
    if (o.hashes.output === r.hashes.output) continue;
    const d = apart(r.output, tensorOf(r), tensorOf(o));
    if (d.differ > 0) found.push(d);
  }
  return { op, case: name, state: found.length === 0 ? "same" : "apart", apart: found, why: "" };
}

/** What the other device gives of a case, with the kernel that `a` ran. */
export type Give = (op: string, name: string, variant: Variant) => Promise<readonly OutputRecord[]>;

/** Every case of `a` against the same of another device. */
export async function agreeAll(a: Outputs, other: Give): Promise<CaseVerdict[]> {
  const all: CaseVerdict[] = [];
  for (const c of a.cases) {
    if (c.outputs.length === 0) {
      all.push(none(c.op, c.case, c.failed));
      continue;
    }
    try {
      const given = await other(c.op, c.case, c.outputs[0].variant);
      all.push(judgeCase(c.op, c.case, c.outputs, given));
    } catch (e) {
      all.push(none(c.op, c.case, e instanceof Error ? e.message : String(e)));
    }
  }
  return all;
}

const sci = (x: number): string => (x === 0 ? "0" : x.toExponential(1));
const worstOf = (list: readonly Apart[]): Apart => list.reduce((a, b) => (b.calc_diff > a.calc_diff ? b : a));

/** A line an op, then a line a case that is not the same. */
export function agreeTable(all: readonly CaseVerdict[]): string[] {
  const head = ["op", "cases", "same bits", "apart", "not compared", "calc_diff", "max ulp", "worst case"];
  const cells = [...new Set(all.map((v) => v.op))].map((op) => {
    const mine = all.filter((v) => v.op === op);
    const count = (state: CaseVerdict["state"]): number => mine.filter((v) => v.state === state).length;
    const moved = mine.filter((v) => v.state === "apart");
    const worst = moved
      .map((v) => ({ name: v.case, ...worstOf(v.apart) }))
      .reduce((a, b) => (b.calc_diff > a.calc_diff ? b : a), { name: "-", calc_diff: 0 });
    const ulp = Math.max(0, ...moved.flatMap((v) => v.apart.map((d) => d.ulp)));
    return [
      op,
      String(mine.length),
      String(count("same")),
      String(count("apart")),
      String(count("none")),
      sci(worst.calc_diff),
      String(ulp),
      worst.name,
    ];
  });
  const left = (i: number): boolean => i === 0 || i === head.length - 1;
  const widths = head.map((t, i) => Math.max(t.length, ...cells.map((l) => l[i].length)));
  const line = (l: readonly string[]): string =>
    l
      .map((s, i) => (left(i) ? s.padEnd(widths[i]) : s.padStart(widths[i])))
      .join("  ")
      .trimEnd();
  const details = all
    .filter((v) => v.state !== "same")
    .flatMap((v) =>
      v.state === "none"
        ? [`${v.op} ${v.case}: not compared: ${v.why}`]
        : v.apart.map(
            (d) =>
              `${v.op} ${v.case} ${d.output}: ${d.differ} of ${d.n} elements differ, calc_diff ${sci(d.calc_diff)}, max ulp ${d.ulp}`,
          ),
    );
  return [line(head), ...cells.map(line), ...details];
}
