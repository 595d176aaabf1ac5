/**
 * Isolated mode: every op of the faithful chain is launched on the chain's own inputs and judged by itself. Launches run on the
 * addon's threads while the oracles compute; a few are in flight at a time, so that their inputs do not pile up.
 */
import type { Variant } from "../kernels/schema.ts";
import { legal, regretOf, runFaithful, runNative, type Call, type NativeRun } from "./call.ts";
import type { Step } from "./chains.ts";
import type { Distance } from "./distance.ts";
import type { Native } from "./native.ts";
import type { Opinions } from "./opinions.ts";
import { ofCall, profileRecords, type ProfileSink } from "./profile_records.ts";
import type { Price, Row } from "./result.ts";
import { errorRows, rowOf, tapName } from "./rows.ts";
import { judge } from "./verdict.ts";

export interface Isolation {
  readonly native: Native;
  readonly device: string;
  /** Kernels to run (default: the device's own). */
  readonly variant?: Variant;
  readonly opinions: Opinions;
  readonly onProfile: ProfileSink;
  readonly signal?: AbortSignal;
}

export const priceOf = ({ calc_diff, rel_l2 }: Distance): Price => ({ calc_diff, rel_l2 });

export interface Launched {
  readonly call: Call;
  readonly run: Promise<NativeRun>;
}

/** Launches the op of `call` alone. */
export function launch(call: Call, o: Isolation): Launched {
  const run = runNative(o.native, call, {
    device: o.device,
    repeat: 1,
    ...(o.variant ? { variant: o.variant } : {}),
    ...(o.signal ? { signal: o.signal } : {}),
  });
  run.catch(() => undefined); // awaited by `judgeIsolated`
  return { call, run };
}

/** Rows of one isolated call. `step` holds what the faithful chain gave for the same call. */
export async function judgeIsolated(
  step: Step,
  l: Launched,
  layer: number | null,
  o: Isolation,
): Promise<Row[]> {
  const { call, site } = step;
  const at = { call, mode: "isolated", layer, case: null, site } as const;
  try {
    const second = await o.opinions.second(call, step.out);
    const native = await l.run;
    profileRecords({ ...at, ...ofCall(call) }, native.profiles).forEach(o.onProfile);
    const regret = await regretOf(call, native.out);
    // the chain may have gone on with other decisions; this launch is judged against the best, or its own legal ones
    const best = regret ? (await runFaithful(call)).out : step.out;
    const ref = regret && legal(call.op, regret) ? (await runFaithful(call, native.out)).out : best;
    return Object.entries(call.op.out).map(([output, decl]) => {
      const isChoice = decl.judge.kind === "choice";
      const faithful = (isChoice ? best : ref)[output];
      const oracles = second.oracles?.[output] ?? null;
      const v = judge({
        decl,
        scalars: call.s,
        native: native.out[output],
        faithful,
        ideal: second.ideal[output],
        guards: native.guards[output],
        oracles,
        ...(regret && isChoice ? { regret } : {}),
      });
      return rowOf(
        {
          ...at,
          output,
          site: tapName(call.op, site, output),
          faithful,
          native: native.out[output],
          price: priceOf(second.price[output]),
          oracles,
          times: { native: native.ms, faithful: step.ms, ideal: second.ideal_ms, tf: second.tf_ms },
          counters: native.counters,
          variant: native.variant,
        },
        v,
      );
    });
  } catch (e) {
    o.signal?.throwIfAborted();
    return errorRows(at, e);
  }
}
