/** Which op an engine's launch was, and what it could not do without: out of the calls that the model made of its taps. */
import { evalShape, type OpDecl, type TensorDecl } from "../kernels/schema.ts";
import type { Tensor } from "../oracle/tensor.ts";
import type { StepVerdict } from "./accumulated.ts";
import type { Call } from "./call.ts";
import type { Tap } from "./native.ts";
import { ofCall, type ProfilePlace } from "./profile_records.ts";
import { tapName } from "./rows.ts";
import { workOfParts } from "./work.ts";

/** What the launch at `site` did: a call of the model, or a fusion of several, which its taps name. */
export function launchedAt(
  op: OpDecl | undefined,
  site: string,
  taps: readonly Tap[],
  replayed: ReadonlyMap<string, StepVerdict> | null,
): Pick<ProfilePlace, "op" | "work"> | null {
  if (!op?.parts) {
    const call = replayed?.get(site)?.call;
    return call ? ofCall(call) : null;
  }
  const names = new Set(taps.filter((t) => t.site === site).map((t) => t.name));
  const calls = [...(replayed?.values() ?? [])]
    .filter((v) => Object.keys(v.call.op.out).some((k) => names.has(tapName(v.call.op, v.site, k))))
    .map((v) => v.call);
  const take = (name: string): Call | undefined => {
    const i = calls.findIndex((c) => c.op.name === name);
    return i < 0 ? undefined : calls.splice(i, 1)[0];
  };
  const parts: Call[] = [];
  for (const part of op.parts) {
    const c = take(part.op.name) ?? packedCall(part.op, parts, take);
    if (!c) return null;
    parts.push(c);
  }
  return { op, work: workOfParts(op, parts) };
}

/**
 * A call of `op`, which the model does not make, after the model's of the op that it is otherwise: one that an earlier part has taken, or one
 * that is left. Tensors that the model does not have are known by their shapes.
 */
function packedCall(
  op: OpDecl,
  parts: readonly Call[],
  take: (name: string) => Call | undefined,
): Call | undefined {
  if (!op.packed) return undefined;
  const { of, scalars } = op.packed;
  const model = parts.findLast((c) => c.op.name === of) ?? take(of);
  if (!model) return undefined;
  const s = scalars(model.s);
  const shape = (d: TensorDecl): Tensor => ({
    dtype: d.dtype,
    shape: evalShape(d.shape, s),
    data: new Uint8Array(0),
  });
  const t = Object.entries(op.in).map(([name, d]) => [name, model.t[name] ?? shape(d)]);
  return { op, s, t: Object.fromEntries(t) as Call["t"] };
}
