/** The oracles of a fusion: those of its parts, one after the other. */
import { partScalars } from "../kernels/fusion.ts";
import { evalShape, type OpDecl, type PartDecl, type Scalars } from "../kernels/schema.ts";
import { view, type Tensor } from "./tensor.ts";

type Tensors = Readonly<Record<string, Tensor | undefined>>;

/** A part on its own: inputs out of `have` (the fusion's inputs and what parts have given) in the part's names and shapes. */
export function partCall(part: PartDecl, have: Tensors, s: Scalars) {
  const own = partScalars(part, s);
  const t: Record<string, Tensor | undefined> = {};
  for (const [name, from] of Object.entries(part.in)) {
    const x = have[from];
    t[name] = x && view(x, evalShape(part.op.in[name].shape, own));
  }
  return { op: part.op, t, s: own };
}

/** Outputs of a part under the fusion's names and shapes. */
export const fusionOut = (op: OpDecl, part: PartDecl, out: Tensors, s: Scalars): Record<string, Tensor> =>
  Object.fromEntries(
    Object.entries(part.out).map(([k, as]) => [as, view(out[k]!, evalShape(op.out[as].shape, s))]),
  );

/** Outputs of `part` as the part names them, out of the fusion's. */
export const partOut = (part: PartDecl, out: Tensors, s: Scalars): Record<string, Tensor> => {
  const own = partScalars(part, s);
  return Object.fromEntries(
    Object.entries(part.out).map(([k, as]) => [k, view(out[as]!, evalShape(part.op.out[k].shape, own))]),
  );
};

/** All outputs of the fusion `op` when `run` runs its parts. */
export function composed(
  op: OpDecl,
  t: Tensors,
  s: Scalars,
  run: (part: PartDecl, call: ReturnType<typeof partCall>) => Tensors,
): Record<string, Tensor> {
  const have: Record<string, Tensor | undefined> = { ...t };
  for (const part of op.parts ?? [])
    Object.assign(have, fusionOut(op, part, run(part, partCall(part, have, s)), s));
  return Object.fromEntries(Object.keys(op.out).map((k) => [k, have[k]!]));
}
