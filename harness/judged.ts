/** What a kernel gave, call by call as it is judged, and what it is held against. */
import type { PartDecl } from "../kernels/schema.ts";
import { partCall, partOut } from "../oracle/fusion.ts";
import { legal, regretOf, runFaithful, type Call, type NativeRun, type Tensors } from "./call.ts";

export interface JudgedCall {
  readonly call: Call;
  readonly native: NativeRun;
  /** Of a fusion: which part the call is. */
  readonly part: PartDecl | null;
}

/**
 * An op by itself; a fusion part by part, each on what the kernel itself gave the part, so that a difference early in the chain is blamed
 * on its own part alone, a quantiser is held bit for bit, and a choice is held against the scores that it was made of.
 */
export function judgedCalls(call: Call, native: NativeRun): JudgedCall[] {
  const { op, s, t } = call;
  if (!op.parts) return [{ call, native, part: null }];
  return op.parts.map((part) => ({
    part,
    call: partCall(part, { ...t, ...native.out }, s),
    native: {
      ...native,
      profiles: [],
      out: partOut(part, native.out, s),
      guards: Object.fromEntries(Object.entries(part.out).map(([k, as]) => [k, native.guards[as]])),
    },
  }));
}

export interface Reference {
  readonly out: Tensors;
  /** Of each row of what the call decides; null for ops that decide nothing. */
  readonly regret: Float64Array | null;
}

/** `faithful` where the op decides; what follows from a legal choice is held against the oracle under the same choice. */
export async function referenceOf(call: Call, faithful: Tensors, native: Tensors): Promise<Reference> {
  const regret = await regretOf(call, native);
  if (regret === null || !legal(call.op, regret)) return { out: faithful, regret };
  const follow = (await runFaithful(call, native)).out;
  const out = Object.entries(call.op.out).map(([k, d]) => [
    k,
    d.judge.kind === "choice" ? faithful[k] : follow[k],
  ]);
  return { out: Object.fromEntries(out) as Tensors, regret };
}
