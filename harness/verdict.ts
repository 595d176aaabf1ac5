/**
 * The verdict of one tensor, in this order: do the oracles agree; shape and dtype; non-finite masks; canaries and unwritten
 * poison; repeatability; the op's own judge (bits, regret, or numbers against bounds); and would zeros or the mean have passed?
 * Every comparison is written `!(x <= bound)`, so NaN fails.
 */
import type { Judge, OutDecl, Scalars } from "../kernels/schema.ts";
import { decodeInto, values } from "../oracle/num/index.ts";
import type { Tensor } from "../oracle/tensor.ts";
import {
  biasBound,
  calcDiffBound,
  cosineBound,
  flipBound,
  MIN_SLICE,
  normRatioBound,
  shareOf,
} from "./bounds.ts";
import { bitsOf, codeOf, unravel } from "./codes.ts";
import { freedomOf, measure, type Measured } from "./metrics.ts";
import type { Agreement, Check, Decisions, Element, Metrics, Status } from "./result.ts";

export interface Verdict {
  readonly status: Status;
  /** Name of the check that failed. */
  readonly stage?: string;
  readonly reason?: string;
  readonly sentence: string;
  readonly metrics: Metrics | null;
  readonly checks: Check[];
  readonly share: number | null;
  readonly worst_element: Element | null;
  readonly decisions: Decisions | null;
}

/** What the launch itself said of the output. */
export interface Guards {
  /** One sentence a damaged guard around any buffer of the launch. */
  readonly damage: readonly string[];
  /** Bytes of this output that still held poison. */
  readonly unwritten: number;
  /** False when two launches on the same inputs gave different bits. */
  readonly repeatable: boolean;
}

export const CLEAN: Guards = { damage: [], unwritten: 0, repeatable: true };

export interface Question {
  readonly decl: OutDecl;
  readonly scalars: Scalars;
  readonly native: Tensor;
  readonly faithful: Tensor;
  readonly ideal?: Tensor | null;
  readonly guards: Guards;
  readonly oracles: Agreement | null;
  /** One a row, for a `choice` output. */
  readonly regret?: Float64Array;
}

const show = (x: number): string => (Number.isInteger(x) && Math.abs(x) < 1e6 ? String(x) : x.toPrecision(3));
const where = (at: readonly number[]): string => (at.length === 0 ? "" : ` at [${at.join(", ")}]`);

function valueAt(t: Tensor, i: number): number {
  const one = new Float64Array(1);
  decodeInto(t, i, 1, one);
  return one[0];
}

/** One element with both values and bit patterns. */
export function elementAt(i: number, native: Tensor, faithful: Tensor, ideal?: Tensor | null): Element {
  return {
    at: unravel(i, faithful.shape),
    native: valueAt(native, i),
    faithful: valueAt(faithful, i),
    ideal: ideal ? valueAt(ideal, i) : null,
    native_bits: bitsOf(native, i),
    faithful_bits: bitsOf(faithful, i),
    ulp: Math.abs(codeOf(native, i) - codeOf(faithful, i)),
  };
}

const describe = (e: Element): string =>
  `[${e.at.join(", ")}]: native ${show(e.native)} (${e.native_bits}), faithful ${show(e.faithful)} (${e.faithful_bits}), ${show(e.ulp)} ulp`;

const check = (name: string, value: number, bound: number, at?: readonly number[]): Check => ({
  name,
  value,
  bound,
  share: shareOf(value, bound),
  ok: value <= bound,
  ...(at && at.length > 0 ? { at: [...at] } : {}),
});

/** Numbers of a `close` output against the bounds that noise e and the output's dtype imply. */
export function closeChecks(m: Measured): Check[] {
  const r = m.total.bound;
  return [
    check("calc_diff", m.metrics.calc_diff, calcDiffBound(r)),
    check("cosine", m.angle, cosineBound(r)),
    check("rel_l2", m.total.value, r),
    check("norm_ratio", Math.abs(m.metrics.norm_ratio - 1), normRatioBound(m.norm, r)),
    ...(m.cols >= MIN_SLICE
      ? [
          check("worst_row", m.row.value, m.row.bound, m.row.index),
          check("worst_block", m.block.value, m.block.bound, m.block.index),
        ]
      : []),
    ...(m.rows >= MIN_SLICE ? [check("worst_col", m.col.value, m.col.bound, m.col.index)] : []),
    check("element", m.element_share, 1),
    check(
      "flips",
      m.bias.n === 0 ? 0 : m.bias.moved / m.bias.n,
      flipBound(m.bias.n, m.bias.flips, m.bias.cluster),
    ),
    check("bias", Math.abs(m.bias.mean), biasBound(m.bias.n, m.bias.flips, m.bias.cluster)),
  ];
}

/** Regret of each row against the slack, and the ledger of flips. */
export function judgeChoice(
  native: Tensor,
  faithful: Tensor,
  regret: Float64Array,
  slack: number,
): Decisions {
  const n = regret.length;
  const per = n === 0 ? 0 : values(faithful).length / n;
  const [a, b] = [values(native), values(faithful)];
  const flips: Decisions["worst"] = [];
  let [max, sum] = [0, 0];
  for (let row = 0; row < n; row++) {
    const r = regret[row];
    if (!(r <= max)) max = r;
    sum += r;
    const mine = a.subarray(row * per, (row + 1) * per);
    const best = b.subarray(row * per, (row + 1) * per);
    if (!mine.every((v, i) => v === best[i]) || r !== 0)
      flips.push({ row, regret: r, native: Array.from(mine), faithful: Array.from(best) });
  }
  const worse = (x: number): number => (Number.isNaN(x) ? Infinity : x);
  const worst = [...flips].sort((x, y) => worse(y.regret) - worse(x.regret)).slice(0, 8);
  return { n, flips: flips.length, slack, max_regret: max, sum_regret: sum, worst };
}

/** Formats whose every bit pattern is a plausible answer; a constant tensor of indices or scales can be right. */
const VALUE_TYPES = new Set(["f32", "bf16", "e4m3", "e2m1"]);

/** Why the comparison could not have failed, null when it could. */
function vacuous(kind: Judge["kind"], m: Measured, faithful: Tensor): string | null {
  if (m.metrics.n === 0) return "the tensor has no elements, so nothing was compared";
  if (!VALUE_TYPES.has(faithful.dtype)) return null;
  if (kind === "exact")
    return m.metrics.zeros.faithful === 1 ? "the right answer is zero everywhere, so zeros pass" : null;
  if (m.probe.zeros <= 1) return "zeros would pass: every value is within its own bound of zero";
  return m.probe.mean <= 1 && m.metrics.n > 1 ? "the mean would pass: no value differs from it" : null;
}

const stop = (status: Status, stage: string, sentence: string, m: Measured | null = null): Verdict => ({
  status,
  stage,
  sentence,
  metrics: m?.metrics ?? null,
  checks: [],
  share: m === null ? null : Infinity,
  worst_element: null,
  decisions: null,
});

export function judge(q: Question): Verdict {
  const { decl, native, faithful, guards } = q;
  if (native.dtype !== faithful.dtype || native.shape.join() !== faithful.shape.join())
    return stop(
      "FAIL",
      "shape",
      `expected ${faithful.dtype}[${faithful.shape.join(", ")}], got ${native.dtype}[${native.shape.join(", ")}]`,
    );
  const m = measure(native, faithful, freedomOf(decl, q.scalars));
  const split = q.oracles !== null && !q.oracles.agree;
  const v = split ? splitVerdict(q.oracles, m) : checked(q, m);
  const bad = v.status === "PASS" ? m.worst : firstBad(v, m);
  return bad < 0 || v.worst_element ? v : { ...v, worst_element: elementAt(bad, native, faithful, q.ideal) };

  function checked(q: Question, m: Measured): Verdict {
    if (m.first_nonfinite >= 0) {
      const at = describe(elementAt(m.first_nonfinite, native, faithful));
      return stop("FAIL", "nonfinite", `non-finite values differ, first ${at}`, m);
    }
    if (guards.damage.length > 0) return stop("FAIL", "canary", guards.damage[0], m);
    if (guards.unwritten > 0)
      return stop("FAIL", "unwritten", `${guards.unwritten} bytes of the output were never written`, m);
    if (!guards.repeatable)
      return stop("FLAKY", "repeat", "two launches on the same inputs gave different bits", m);
    return judged(q, m);
  }
}

const firstBad = (v: Verdict, m: Measured): number =>
  v.stage === "nonfinite" ? m.first_nonfinite : v.stage === "bits" ? m.first_difference : m.worst;

const splitVerdict = (a: Agreement, m: Measured): Verdict => ({
  ...stop(
    "ORACLE_SPLIT",
    "oracles",
    `tfjs differs from the ${a.against} oracle by ${show(a.rel_l2)} (relative L2, allowed ${show(a.bound)}): the kernel is not judged`,
    m,
  ),
  share: null,
});

function judged(q: Question, m: Measured): Verdict {
  const { judge: j } = q.decl;
  let checks: Check[];
  let decisions: Decisions | null = null;
  if (j.kind === "exact") checks = [check("bits", m.metrics.differ, 0)];
  else if (j.kind === "close") checks = closeChecks(m);
  else {
    if (!q.regret) throw new Error("expected the regret of a choice output, got none");
    decisions = judgeChoice(q.native, q.faithful, q.regret, j.slack);
    checks = [check("regret", decisions.max_regret, j.slack)];
  }
  const share = checks.reduce((a, c) => (c.share <= a ? a : c.share), 0);
  const failed = checks.filter((c) => !c.ok);
  const base = { metrics: m.metrics, checks, share, worst_element: null, decisions };
  if (failed.length > 0) {
    const c = failed.reduce((a, b) => (b.share > a.share ? b : a));
    const first = j.kind === "exact" ? m.first_difference : m.worst;
    const element = first >= 0 ? `; element ${describe(elementAt(first, q.native, q.faithful))}` : "";
    const sentence =
      j.kind === "exact"
        ? `expected the oracle's bits, ${m.metrics.differ} of ${m.metrics.n} elements differ, first ${describe(elementAt(first, q.native, q.faithful))}`
        : j.kind === "choice"
          ? `regret ${show(c.value)} > slack ${show(c.bound)} in row ${decisions?.worst[0]?.row}: chose ${decisions?.worst[0]?.native.join(" ")}, best ${decisions?.worst[0]?.faithful.join(" ")}`
          : `${c.name} ${show(c.value)} > ${show(c.bound)}${where(c.at ?? [])}${element}`;
    return { status: "FAIL", stage: c.name, sentence, ...base };
  }
  const why = j.kind === "choice" ? null : vacuous(j.kind, m, q.faithful);
  if (why !== null) return { status: "VACUOUS", reason: why, sentence: why, ...base };
  const most = checks.find((c) => c.share === share) ?? checks[0];
  const sentence =
    j.kind === "exact"
      ? `all ${m.metrics.n} elements have the oracle's bits`
      : j.kind === "choice"
        ? `${decisions?.flips} of ${decisions?.n} rows chose otherwise, none beyond slack ${show(j.slack)}`
        : `${(100 * share).toFixed(0)} % of a bound used at most: ${most.name} ${show(most.value)} of ${show(most.bound)}${where(most.at ?? [])}`;
  return { status: "PASS", sentence, ...base };
}
