/**
 * Pairs of CTAs give a head bit for bit what single CTAs give it: they multiply in the same order. So a token's bits depend neither on how
 * many heads are beside its own nor, where CTAs share no list, on how many tokens are.
 */
import { afterAll, expect, test } from "vitest";
import { makeCall, runNative } from "../../harness/call.ts";
import { SeededInputs } from "../../harness/inputs.ts";
import { native, needNative } from "../../harness/native_tests.ts";
import type { Inputs } from "../../harness/suite.ts";
import { loadOps } from "../../kernels/registry.ts";
import type { Scalars } from "../../kernels/schema.ts";
import { values } from "../../oracle/num/index.ts";
import { tensor, type Tensor } from "../../oracle/tensor.ts";
import { attrs, inputs } from "./lists.ts";
import { inPages } from "./pages.ts";

needNative();
afterAll(() => native?.virtual({ async: "lazy", seed: 0, checks: true, maxInstructions: 0, profile: false }));

interface Attended {
  readonly q: Tensor;
  readonly idx: Tensor;
  readonly sink: Tensor;
}

/** The first tokens and heads of a case. */
function part<T extends Attended>(t: T, n_tok: number, n_head: number): T {
  const [, heads, d] = t.q.shape;
  const q = new Uint16Array(n_tok * n_head * d);
  for (let tok = 0; tok < n_tok; tok++)
    q.set((t.q.data as Uint16Array).subarray(tok * heads * d, (tok * heads + n_head) * d), tok * n_head * d);
  const n_key = t.idx.shape[1];
  return {
    ...t,
    q: tensor("bf16", [n_tok, n_head, d], q),
    idx: tensor("i32", [n_tok, n_key], (t.idx.data as Int32Array).slice(0, n_tok * n_key)),
    sink: tensor("f32", [n_head], (t.sink.data as Float32Array).slice(0, n_head)),
  };
}

/** What the kernel for SM100 gives, and the entry that gave it. */
async function attend(name: string, t: Attended, s: Scalars): Promise<{ o: Tensor; entry: string }> {
  const op = (await loadOps()).find((o) => o.name === name)!;
  const c = makeCall(op, t as unknown as Record<string, Tensor>, s);
  const r = await runNative(native, c, { device: "virtual", repeat: 1, variant: "sm100" });
  return { o: r.out.o, entry: r.profiles[0].kernel };
}

const OPS = ["sparse_attention", "paged_attention"] as const;
const shape = { n_tok: 38, n_head: 192, head_dim: 512, n_kv: 100, n_key: 130, peak: 2 };

test.each(OPS)(
  "%s",
  async (name) => {
    native.virtual({ async: "lazy", seed: 0, checks: false, maxInstructions: 0, profile: true });
    const rows = { name, attrs: attrs(shape), make: (g: Inputs) => inputs(g, shape) };
    const c = name === "paged_attention" ? inPages(rows) : rows;
    const all = c.make(new SeededInputs(0, name, "pair"));
    const single = await attend(name, all, c.attrs);
    expect(single.entry).toBe(name);
    const pairs = await attend(name, part(all, 38, 128), c.attrs);
    expect(pairs.entry).toBe(`${name}_cta_pair`);
    const same = part({ ...all, q: single.o }, 38, 128).q;
    expect(values(pairs.o)).toEqual(values(same));

    // a list of one tile, by a token alone and among others
    const few = (t: Attended): Attended => ({
      ...t,
      idx: tensor("i32", [t.idx.shape[0], 60], (t.idx.data as Int32Array).slice(0, 60 * t.idx.shape[0])),
    });
    const many = await attend(name, few(part(all, 38, 128)), c.attrs);
    const alone = await attend(name, few(part(all, 1, 128)), c.attrs);
    expect([many.entry, alone.entry]).toEqual(Array(2).fill(`${name}_cta_pair`));
    expect(values(alone.o)).toEqual(values(many.o).slice(0, 128 * 512));
  },
  240_000,
);
