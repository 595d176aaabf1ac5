/** Runs one exact oracle on tensors: binds axes and attributes, and holds the outputs against the declaration. */
import type { OpDecl, Scalars } from "../kernels/schema.ts";
import { bind, outShapes, type Bound, type Exact, type In, type Out, type Rounding } from "./op.ts";
import type { Tensor } from "./tensor.ts";

/** Throws one sentence when an output has another dtype or shape than the op declares and the policy stores. */
export function run<D extends OpDecl>(
  op: D,
  exact: Exact<D>,
  r: Rounding,
  t: In<D>,
  attrs: Scalars = {},
): Out<D> {
  const s = bind(op, t as Record<string, Tensor | undefined>, attrs);
  const got = exact(t, s as Bound<D>, r);
  const shapes = outShapes(op, s);
  for (const [name, decl] of Object.entries(op.out)) {
    const x = (got as Record<string, Tensor | undefined>)[name];
    const { dtype } = r.store(decl.dtype, [], [0]);
    const want = `${dtype}[${shapes[name].join(", ")}]`;
    const have = x ? `${x.dtype}[${x.shape.join(", ")}]` : "none";
    if (have !== want) throw new Error(`${op.name}.${name}: expected ${want}, got ${have}`);
  }
  return got;
}
