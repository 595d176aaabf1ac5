/**
 * Accumulated mode: the engine ran, native fed native. Each tap answers two questions.
 *
 * Is this step right? The faithful op on the engine's own inputs gives what the tap should be, within the bounds of one op; drift
 * from earlier layers cannot hide a wrong step, and a flip upstream cannot blame a right one.
 *
 * How far has the whole drifted? The tap against the faithful chain that starts at the same input. A quantiser turns a difference
 * of one rounding into a flipped code of 2^-4, so after a few of them two right engines differ by about as much as the format costs:
 * faithful against ideal is two such chains, with larger differences at every step. The growth bound is that price, measured on
 * the same prompt, times GROWTH, plus what one op may differ.
 */
import type { OpDecl, Variant } from "../kernels/schema.ts";
import type { Tensor } from "../oracle/tensor.ts";
import { legal, regretOf, runFaithful, type Call, type Tensors } from "./call.ts";
import type { Step } from "./chains.ts";
import { priceOf } from "./isolated.ts";
import { relByToken, type Distance } from "./distance.ts";
import { freedomOf, measure } from "./metrics.ts";
import type { Tap } from "./native.ts";
import type { Agreement, Check, Row } from "./result.ts";
import { NO_TIMES, rowOf, tapName } from "./rows.ts";
import { CLEAN, judge, type Guards, type Verdict } from "./verdict.ts";
import { shareOf } from "./bounds.ts";

/** Two chains with independent rounding differ by sqrt(2) of what one differs from ideal; the rest covers the spread of one sample. */
export const GROWTH = 2;
/** A row has few flips: one full step of a code against a price of at most half a step an element. */
export const GROWTH_ROW = 5;

/** Judgement of one engine step on its own inputs. */
export interface StepVerdict {
  readonly call: Call;
  readonly site: string;
  readonly native: Tensors;
  readonly faithful: Tensors;
  readonly verdicts: Readonly<Record<string, Verdict>>;
  /** True when the step decided something and was entitled to. */
  readonly legal: boolean;
  readonly faithful_ms: number;
  readonly native_ms: number;
  readonly variant: Variant;
  /** The fusion whose kernel gave the taps, where that was not the op's own. */
  readonly fusion?: OpDecl;
}

/** The taps of a step as tensors by output; null when the engine lacks one. */
export function tapsOf(call: Call, site: string, taps: ReadonlyMap<string, Tap>): Tensors | null {
  const out: Record<string, Tensor> = {};
  for (const name of Object.keys(call.op.out)) {
    const t = taps.get(tapName(call.op, site, name));
    if (!t) return null;
    out[name] = { dtype: t.dtype, shape: t.shape, data: t.data };
  }
  return out;
}

export async function judgeStep(
  call: Call,
  site: string,
  native: Tensors,
  taps: ReadonlyMap<string, Tap>,
  damage: readonly string[],
  ops: ReadonlyMap<string, OpDecl>,
): Promise<StepVerdict> {
  const best = await runFaithful(call);
  const regret = await regretOf(call, native);
  const isLegal = regret !== null && legal(call.op, regret);
  const ref = isLegal ? (await runFaithful(call, native)).out : best.out;
  const verdicts: Record<string, Verdict> = {};
  let native_ms = 0;
  let variant: Variant = "portable";
  let fusion: OpDecl | undefined;
  for (const [output, decl] of Object.entries(call.op.out)) {
    const tap = taps.get(tapName(call.op, site, output))!;
    const guards: Guards = { ...CLEAN, damage, unwritten: tap.unwritten };
    const isChoice = decl.judge.kind === "choice";
    native_ms = tap.elapsed_ms;
    variant = tap.variant;
    fusion = tap.op === call.op.name ? undefined : ops.get(tap.op);
    verdicts[output] = judge({
      decl,
      scalars: call.s,
      native: native[output],
      faithful: (isChoice ? best.out : ref)[output],
      guards,
      oracles: null,
      ...(regret && isChoice ? { regret } : {}),
    });
  }
  return {
    call,
    site,
    native,
    faithful: ref,
    verdicts,
    legal: isLegal,
    faithful_ms: best.ms,
    native_ms,
    variant,
    ...(fusion ? { fusion } : {}),
  };
}

const check = (name: string, value: number, bound: number): Check => ({
  name,
  value,
  bound,
  share: shareOf(value, bound),
  ok: value <= bound,
});

/** Codes are only half of a value: their scale may flip by two while the value moves by a rounding. */
const isHalf = (call: Call): boolean => call.op.quantiser === true && Object.keys(call.op.out).length > 1;

/** Rows of one step: its own verdict, and its distance from the faithful chain, which `prices` bound; without them it is not judged. */
export function accumulatedRows(
  v: StepVerdict,
  chain: Step,
  prices: Readonly<Record<string, Distance>> | undefined,
  at: { readonly layer: number | null; readonly last: boolean },
  oracles: Readonly<Record<string, Agreement>> | null,
): Row[] {
  const { call, site } = v;
  return Object.entries(call.op.out).map(([output, decl]) => {
    const native = v.native[output];
    const faithful = chain.out[output];
    const step = v.verdicts[output];
    const context = {
      call,
      output,
      mode: "accumulated",
      site: tapName(call.op, site, output),
      layer: at.layer,
      case: null,
      faithful,
      native,
      oracles: oracles?.[output] ?? null,
      times: { ...NO_TIMES, native: v.native_ms, faithful: v.faithful_ms },
      variant: v.variant,
      ...(v.fusion ? { fusion: v.fusion } : {}),
    } as const;
    if (native.shape.join() !== faithful.shape.join() || native.dtype !== faithful.dtype)
      return rowOf(context, step);
    const m = measure(native, faithful, freedomOf(decl, call.s));
    const price = prices?.[output] ?? null;
    const growth: Check[] = [];
    if (price && decl.judge.kind !== "choice" && !isHalf(call)) {
      growth.push(
        check("growth", m.total.value, m.total.bound + GROWTH * price.rel_l2),
        check("growth_row", m.row.value, m.row.bound + GROWTH_ROW * price.worst_row),
      );
    }
    const own = step.checks.map((c) => ({ ...c, name: `step.${c.name}` }));
    const bad = growth.find((c) => !c.ok);
    const split = oracles?.[output]?.agree === false;
    const drifted = !split && step.status === "PASS" && bad !== undefined;
    const checks = [...own, ...growth];
    const share = checks.reduce((a, c) => (c.share <= a ? a : c.share), 0);
    const verdict: Verdict = {
      ...step,
      ...(step.stage === undefined ? {} : { stage: `step.${step.stage}` }),
      ...(drifted ? { status: "FAIL", stage: bad.name } : {}),
      sentence: drifted
        ? `the step is right, but the chain has drifted by ${bad.value.toExponential(2)} (relative L2), allowed ${bad.bound.toExponential(2)}`
        : step.status === "PASS"
          ? `step: ${step.sentence}; ${m.total.value.toExponential(2)} from the faithful chain`
          : `on the engine's own inputs: ${step.sentence}`,
      metrics: m.metrics,
      checks,
      share: step.status === "PASS" || drifted ? share : step.share,
      ...(split
        ? { status: "ORACLE_SPLIT", sentence: "the oracles disagree on this op, so the engine is not judged" }
        : {}),
    };
    return rowOf(
      {
        ...context,
        price: price && priceOf(price),
        by_token: at.last ? relByToken(native, faithful) : null,
      },
      verdict,
    );
  });
}
